// Options with designated initializers, as the argument of an awaited call.
#include "../kit.hpp"

namespace kit::options_in_braces {

struct options {
  int times = 1;
  tracked name = 10;
  std::optional<tracked> other = std::nullopt;
};

task<int> total(options chosen) {
  co_await pause{};
  co_return chosen.times* chosen.name.value() + (chosen.other ? chosen.other->value() : 0);
}

task<int> by_reference(const options& chosen) {
  co_await pause{};
  co_return chosen.times* chosen.name.value();
}

task<bool> body() {
  EXPECT(co_await total({.times = 2, .name = 3}) == 6);
  EXPECT(co_await total({.name = 4, .other = tracked(5)}) == 9);
  EXPECT(co_await by_reference({.times = 5}) == 50);
  EXPECT(co_await total(options{.times = co_await later(3)}) == 30);
  co_return true;
}

const construct here("options_in_braces", body);

} // namespace kit::options_in_braces

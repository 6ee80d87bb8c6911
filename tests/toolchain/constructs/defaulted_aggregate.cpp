// A defaulted argument that is an aggregate.
#include "../kit.hpp"

namespace kit::defaulted_aggregate {

struct options {
  tracked name = 6;
  int times = 2;
};

task<int> total(options chosen = {}) {
  co_await pause{};
  co_return chosen.times* chosen.name.value();
}

task<int> by_reference(const options& chosen = options{.name = 8}) {
  co_await pause{};
  co_return chosen.times* chosen.name.value();
}

task<bool> body() {
  EXPECT(co_await total() == 12);
  EXPECT(co_await by_reference() == 16);
  co_return true;
}

const construct here("defaulted_aggregate", body);

} // namespace kit::defaulted_aggregate

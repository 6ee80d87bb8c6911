// A result that can only be moved, through several awaits and out of a conversion.
#include "../kit.hpp"

#include <memory>

namespace kit::move_only_result {

task<move_only> make(int n) {
  move_only made(n);
  co_await pause{};
  co_return made;
}

task<move_only> pass_on(int n) { co_return co_await make(n); }

task<std::unique_ptr<const tracked>> convert() {
  co_await pause{};
  co_return std::make_unique<tracked>(3);
}

task<int> consume(move_only given) {
  co_await pause{};
  co_return given.value();
}

task<bool> body() {
  EXPECT((co_await pass_on(1)).value() == 1);
  auto kept = co_await pass_on(2);
  EXPECT(co_await consume(std::move(kept)) == 2);
  EXPECT(co_await consume(co_await make(5)) == 5);
  EXPECT((co_await convert())->value() == 3);
  co_return true;
}

const construct here("move_only_result", body);

} // namespace kit::move_only_result

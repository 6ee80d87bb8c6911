// Lambdas that are coroutines: named, called at once, generic, one inside another.
#include "../kit.hpp"

namespace kit::coroutine_lambdas {

task<bool> body() {
  tracked held(2);
  auto named = [held](int n) -> task<int> {
    co_await pause{};
    co_return held.value() * n;
  };
  EXPECT(co_await named(3) == 6);
  EXPECT(co_await [held]() -> task<int> {
    co_await pause{};
    co_return held.value();
  }() == 2);
  auto generic = [&](auto... n) -> task<int> { co_return (n + ... + co_await later(held.value())); };
  EXPECT(co_await generic(1, 2, 3) == 8);
  auto outer = [&named](tracked n) -> task<int> {
    auto inner = [&]() -> task<int> { co_return co_await named(n.value()) + 1; };
    co_return co_await inner() + co_await inner();
  };
  EXPECT(co_await outer(5) == 22);
  co_return true;
}

const construct here("coroutine_lambdas", body);

} // namespace kit::coroutine_lambdas

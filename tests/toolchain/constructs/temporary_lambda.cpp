// A temporary lambda that holds values, as the argument of an awaited call.
#include "../kit.hpp"

namespace kit::temporary_lambda {

template <class F>
task<int> call_later(F f) {
  co_await pause{};
  co_return f();
}

template <class F>
task<int> call_by_reference(const F& f) {
  co_await pause{};
  co_return f();
}

task<bool> body() {
  tracked held(7);
  EXPECT(co_await call_later([held] { return held.value(); }) == 7);
  EXPECT(co_await call_by_reference([held] { return held.value() + 1; }) == 8);
  EXPECT(co_await call_later([inside = tracked(9)] { return inside.value(); }) == 9);
  EXPECT(co_await call_later([inside = move_only(4)] { return inside.value(); }) == 4);
  EXPECT(held.value() == 7);
  co_return true;
}

const construct here("temporary_lambda", body);

} // namespace kit::temporary_lambda

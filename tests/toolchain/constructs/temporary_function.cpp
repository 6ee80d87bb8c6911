// A std::function made from a temporary lambda in the call itself.
#include "../kit.hpp"

#include <functional>

namespace kit::temporary_function {

task<int> call(std::function<int(int)> f) {
  co_await pause{};
  co_return f(1);
}

task<bool> body() {
  tracked held(5);
  EXPECT(co_await call([held](int n) { return held.value() + n; }) == 6);
  EXPECT(co_await call(std::function<int(int)>([held](int n) { return held.value() - n; })) == 4);
  co_return true;
}

const construct here("temporary_function", body);

} // namespace kit::temporary_function

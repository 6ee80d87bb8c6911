// A million awaits in one loop need no more stack than one: the transfer is a tail call.
#include "../kit.hpp"

namespace kit::million_awaits {

task<int> at_once(int n) { co_return n; }

task<bool> body() {
  long total = 0;
  for (int i = 0; i < 1'000'000; ++i) total += co_await at_once(i % 3);
  EXPECT(total == 999'999);
  co_return true;
}

const construct here("million_awaits", body);

} // namespace kit::million_awaits

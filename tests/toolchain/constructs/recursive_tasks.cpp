// A tree of tasks that holds values on every level.
#include "../kit.hpp"

namespace kit::recursive_tasks {

task<int> leaves(int depth, tracked held) {
  if (depth == 0) co_return co_await later(held.value());
  co_return co_await leaves(depth - 1, held) + co_await leaves(depth - 1, tracked(held.value() + 1));
}

task<bool> body() {
  EXPECT(co_await leaves(8, 0) == 8 * 128);
  co_return true;
}

const construct here("recursive_tasks", body);

} // namespace kit::recursive_tasks

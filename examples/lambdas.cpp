// Threads take lambdas, with captures, by reference too: the caller waits, so what they refer to stays.
#include <weir/core/run.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

namespace {

weir::task<bool> example() {
  std::vector<int> frames{3, 1, 2};
  co_await weir::run_in_threadpool([&frames] { std::ranges::sort(frames); });

  auto only_one = std::make_unique<int>(40); // what cannot be copied is moved along, and back
  only_one = co_await weir::run_in_threadpool([held = std::move(only_one)]() mutable {
    *held += 2;
    return std::move(held);
  });
  std::printf("%d %d %d, %d\n", frames[0], frames[1], frames[2], *only_one);
  co_return frames[0] == 1 && *only_one == 42;
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

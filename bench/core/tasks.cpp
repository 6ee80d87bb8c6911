// Tasks that are awaited, gathered, spawned and cancelled.
#include "works.hpp"

#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>

#include <stdexcept>
#include <vector>

namespace weir::bench {

namespace {

task<std::size_t> leaf(std::size_t i) { co_return i; }

task<std::size_t> leaf_that_yields(std::size_t i) {
  co_await yield_now();
  co_return i;
}

void must_be(std::size_t is, std::size_t expected) {
  if (is != expected) throw std::runtime_error("the work was not done");
}

/// The sum of 0 .. size - 1.
std::size_t sum_below(std::size_t size) { return size * (size - 1) / 2; }

template <class Leaf>
task<void> gather_times(Leaf make, std::size_t size, std::size_t times) {
  for (std::size_t round = 0; round < times; ++round) {
    std::vector<task<std::size_t>> works;
    works.reserve(size);
    for (std::size_t i = 0; i < size; ++i) works.push_back(make(i));
    std::size_t sum = 0;
    for (const std::size_t value : co_await gather(std::move(works))) sum += value;
    must_be(sum, sum_below(size));
  }
}

} // namespace

cost create_and_await(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    run([](std::size_t count) -> task<void> {
      std::size_t sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += co_await leaf(i);
      must_be(sum, sum_below(count));
    }(size * times));
  });
}

cost gather_ready(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] { run(gather_times(leaf, size, times)); });
}

cost gather_yielding(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] { run(gather_times(leaf_that_yields, size, times)); });
}

cost spawn_and_yield(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    std::size_t done = 0;
    const auto child = [](std::size_t& counter) -> task<void> {
      co_await yield_now();
      ++counter;
    };
    const auto all = [&]() -> task<void> {
      for (std::size_t round = 0; round < times; ++round)
        co_await with_task_group([&](task_group& group) -> task<void> {
          for (std::size_t i = 0; i < size; ++i) group.spawn(child(done));
          co_return;
        });
    };
    run(all());
    must_be(done, size * times);
  });
}

/// `size` tasks that yield `times` times each.
cost yield_in_turn(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    const auto yields = [](std::size_t count) -> task<void> {
      for (std::size_t i = 0; i < count; ++i) co_await yield_now();
    };
    std::vector<task<void>> works;
    for (std::size_t i = 0; i < size; ++i) works.push_back(yields(times));
    run(gather(std::move(works)));
  });
}

cost cancel_waiting(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    std::size_t ended = 0;
    const auto waits = [](event& forever, std::size_t& counter) -> task<void> {
      try {
        co_await forever.wait();
      } catch (const cancelled&) {
        ++counter;
        throw;
      }
    };
    const auto all = [&]() -> task<void> {
      event forever;
      for (std::size_t round = 0; round < times; ++round)
        co_await with_task_group([&](task_group& group) -> task<void> {
          for (std::size_t i = 0; i < size; ++i) group.spawn(waits(forever, ended));
          group.cancel();
          co_return;
        });
    };
    run(all());
    must_be(ended, size * times);
  });
}

} // namespace weir::bench

// The same works as bench/core/tasks.cpp with Boost.Asio.
#include "../../core/works.hpp"
#include "asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include <stdexcept>
#include <vector>

namespace weir::bench {

namespace {

awaitable<std::size_t> leaf(std::size_t i) { co_return i; }

awaitable<std::size_t> leaf_that_yields(std::size_t i) {
  co_await asio::post(asio::deferred);
  co_return i;
}

void must_be(std::size_t is, std::size_t expected) {
  if (is != expected) throw std::runtime_error("the work was not done");
}

std::size_t sum_below(std::size_t size) { return size * (size - 1) / 2; }

/// Runs `work` to its end on a loop of this thread.
void run(awaitable<void> work, asio::io_context& io) {
  asio::co_spawn(io.get_executor(), std::move(work), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}

template <class Leaf>
awaitable<void> gather_times(executor on, Leaf make, std::size_t size, std::size_t times) {
  for (std::size_t round = 0; round < times; ++round) {
    std::vector<decltype(asio::co_spawn(on, make(0), asio::deferred))> works;
    works.reserve(size);
    for (std::size_t i = 0; i < size; ++i) works.push_back(asio::co_spawn(on, make(i), asio::deferred));
    auto [order, failures, values] =
        co_await asio::experimental::make_parallel_group(std::move(works))
            .async_wait(asio::experimental::wait_for_one_error(), asio::as_tuple(asio::deferred));
    std::size_t sum = 0;
    for (const std::size_t value : values) sum += value;
    must_be(sum, sum_below(size));
  }
}

} // namespace

cost create_and_await(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    run(
        [](std::size_t count) -> awaitable<void> {
          std::size_t sum = 0;
          for (std::size_t i = 0; i < count; ++i) sum += co_await leaf(i);
          must_be(sum, sum_below(count));
        }(size * times),
        io);
  });
}

cost gather_ready(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    run(gather_times(io.get_executor(), leaf, size, times), io);
  });
}

cost gather_yielding(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    run(gather_times(io.get_executor(), leaf_that_yields, size, times), io);
  });
}

cost spawn_and_yield(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    std::size_t done = 0;
    const auto child = [](std::size_t& counter) -> awaitable<void> {
      co_await asio::post(asio::deferred);
      ++counter;
    };
    loop io;
    for (std::size_t round = 0; round < times; ++round) {
      for (std::size_t i = 0; i < size; ++i) asio::co_spawn(io.get_executor(), child(done), asio::detached);
      io.run();
      io.restart();
    }
    must_be(done, size * times);
  });
}

cost yield_in_turn(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    const auto yields = [](std::size_t count) -> awaitable<void> {
      for (std::size_t i = 0; i < count; ++i) co_await asio::post(asio::deferred);
    };
    loop io;
    for (std::size_t i = 0; i < size; ++i) asio::co_spawn(io.get_executor(), yields(times), asio::detached);
    io.run();
  });
}

/// The group is cancelled as a whole: a signal reaches each of its children. Each has a timer of its own to wait for:
/// to take one waiter out of the many of one timer, Asio walks through them all.
cost cancel_waiting(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    std::size_t ended = 0;
    const auto waits = [](asio::io_context& on, std::size_t& counter) -> awaitable<void> {
      asio::steady_timer forever(on, asio::steady_timer::time_point::max());
      try {
        co_await forever.async_wait(asio::deferred);
      } catch (const boost::system::system_error&) {
        ++counter;
        throw;
      }
    };
    loop io;
    for (std::size_t round = 0; round < times; ++round) {
      asio::cancellation_signal stop;
      std::vector<decltype(asio::co_spawn(io.get_executor(), waits(io, ended), asio::deferred))> works;
      works.reserve(size);
      for (std::size_t i = 0; i < size; ++i)
        works.push_back(asio::co_spawn(io.get_executor(), waits(io, ended), asio::deferred));
      asio::experimental::make_parallel_group(std::move(works))
          .async_wait(asio::experimental::wait_for_all(), asio::bind_cancellation_slot(stop.slot(), [](auto&&...) {}));
      io.poll(); // each starts, and waits
      stop.emit(asio::cancellation_type::terminal);
      io.run();
      io.restart();
    }
    must_be(ended, size * times);
  });
}

} // namespace weir::bench

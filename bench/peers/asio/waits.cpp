// The same works as bench/core/waits.cpp with Boost.Asio. It has no event, mutex or limiter: a timer that never fires
// stands for the event (the usual idiom), a channel of capacity one for the mutex.
#include "../../core/works.hpp"
#include "asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>

#include <optional>
#include <stdexcept>
#include <vector>

namespace weir::bench {

using namespace std::chrono_literals;
using boost::system::error_code;
using timer = asio::steady_timer;
template <class... T>
using channel = asio::experimental::channel<executor, void(error_code, T...)>;

constexpr std::size_t spread_ns(std::size_t size) { return size * 10; }

cost timers_that_fire(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    for (std::size_t round = 0; round < times; ++round) {
      std::size_t fired = 0;
      std::vector<timer> timers;
      timers.reserve(size);
      const auto start = timer::clock_type::now();
      for (std::size_t i = 0; i < size; ++i)
        timers.emplace_back(io, start + std::chrono::nanoseconds(spread(i, spread_ns(size))))
            .async_wait([&](error_code) { ++fired; });
      io.run();
      io.restart();
      if (fired != size) throw std::runtime_error("timers did not fire");
    }
  });
}

cost timers_cancelled(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    for (std::size_t round = 0; round < times; ++round) {
      std::size_t aborted = 0;
      std::vector<timer> timers;
      timers.reserve(size);
      const auto later = timer::clock_type::now() + 1h;
      for (std::size_t i = 0; i < size; ++i)
        timers.emplace_back(io, later + std::chrono::nanoseconds(spread(i, spread_ns(size))))
            .async_wait([&](error_code why) { aborted += why == asio::error::operation_aborted; });
      for (auto& one : timers) one.cancel();
      io.run();
      io.restart();
      if (aborted != size) throw std::runtime_error("timers were not cancelled");
    }
  });
}

cost sleeping_tasks(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    const auto sleeps = [](asio::io_context& on, timer::time_point due) -> awaitable<void> {
      asio::basic_waitable_timer<timer::clock_type, asio::wait_traits<timer::clock_type>, executor> until(
          on.get_executor(), due);
      co_await until.async_wait(asio::deferred);
    };
    for (std::size_t round = 0; round < times; ++round) {
      const auto start = timer::clock_type::now();
      for (std::size_t i = 0; i < size; ++i)
        asio::co_spawn(io.get_executor(), sleeps(io, start + std::chrono::nanoseconds(spread(i, spread_ns(size)))),
                       asio::detached);
      io.run();
      io.restart();
    }
  });
}

cost idle_tasks(std::size_t size, std::size_t) {
  loop io;
  const double before = resident_bytes();
  const stopwatch watch;
  timer end(io, timer::time_point::max());
  std::size_t ended = 0;
  const auto waits = [](timer& until, std::size_t& counter) -> awaitable<void> {
    co_await until.async_wait(asio::as_tuple(asio::deferred));
    ++counter;
  };
  for (std::size_t i = 0; i < size; ++i) asio::co_spawn(io.get_executor(), waits(end, ended), asio::detached);
  io.poll(); // each starts, and waits
  const double bytes = (resident_bytes() - before) / static_cast<double>(size);
  end.cancel();
  io.run();
  cost each = watch.per_item(size);
  each.bytes = bytes;
  if (ended != size) throw std::runtime_error("tasks did not end");
  return each;
}

cost channel_ping_pong(std::size_t size, std::size_t times) {
  return repeated(2 * size * times, [&] {
    loop io;
    channel<std::size_t> there(io.get_executor(), 1), back(io.get_executor(), 1);
    const std::size_t count = size * times;
    const auto asks = [&]() -> awaitable<void> {
      for (std::size_t i = 0; i < count; ++i) {
        co_await there.async_send(error_code(), i, asio::deferred);
        if (co_await back.async_receive(asio::deferred) != i) throw std::runtime_error("another value came back");
      }
      there.close();
    };
    const auto answers = [&]() -> awaitable<void> {
      for (;;) {
        const auto [closed, value] = co_await there.async_receive(asio::as_tuple(asio::deferred));
        if (closed) break;
        co_await back.async_send(error_code(), value, asio::deferred);
      }
    };
    asio::co_spawn(io.get_executor(), asks(), asio::detached);
    asio::co_spawn(io.get_executor(), answers(), asio::detached);
    io.run();
  });
}

cost mutex_hand_over(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    channel<> one(io.get_executor(), 1);
    const auto locks = [&]() -> awaitable<void> {
      for (std::size_t i = 0; i < times; ++i) {
        co_await one.async_send(error_code(), asio::deferred);
        co_await asio::post(asio::deferred);
        one.try_receive([](error_code) {});
      }
    };
    for (std::size_t i = 0; i < size; ++i) asio::co_spawn(io.get_executor(), locks(), asio::detached);
    io.run();
  });
}

cost waiters_on_one_limiter(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    loop io;
    channel<> one(io.get_executor(), 1);
    const auto waits = [&]() -> awaitable<void> {
      co_await one.async_send(error_code(), asio::deferred);
      one.try_receive([](error_code) {});
    };
    for (std::size_t round = 0; round < times; ++round) {
      one.try_send(error_code());
      for (std::size_t i = 0; i < size; ++i) asio::co_spawn(io.get_executor(), waits(), asio::detached);
      io.poll(); // each starts, and waits
      one.try_receive([](error_code) {});
      io.run();
      io.restart();
    }
  });
}

} // namespace weir::bench

#include "offload/transport.hpp"

#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/shared_buffer.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::testing_offload;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

shared_buffer filled(std::size_t size, std::byte with) {
  mutable_buffer buffer = shared_buffer::make(size);
  std::fill(buffer.begin(), buffer.end(), with);
  return buffer;
}
bool all(std::span<const std::byte> bytes, std::byte value) {
  return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

TEST(shared_buffer, is_plain_memory) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, 3 * mib}) {
    shared_buffer buffer = filled(size, std::byte{7});
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(buffer.empty(), size == 0);
    const shared_buffer second = buffer;
    EXPECT_EQ(second.data(), buffer.data());
    buffer = {};
    EXPECT_TRUE(all(second.bytes(), std::byte{7}));
    const shared_buffer copy = shared_buffer::from(second);
    if (size > 0) EXPECT_NE(copy.data(), second.data());
    EXPECT_TRUE(std::equal(copy.begin(), copy.end(), second.begin(), second.end()));
  }
}

TEST(shared_buffer, gives_parts_and_is_written_again_by_its_only_owner) {
  shared_buffer buffer = filled(10'000, std::byte{1});
  shared_buffer part = buffer.slice(9'000, 1'000);
  EXPECT_EQ(part.data(), buffer.data() + 9'000);
  EXPECT_EQ(part.size(), 1'000u);
  EXPECT_EQ(buffer.slice(10'000, 0).size(), 0u);
  EXPECT_THROW(buffer.slice(9'001, 1'000), error);
  EXPECT_THROW(buffer.slice(20'000, 0), error);
  EXPECT_THROW(buffer.slice(1, ~std::size_t{0}), error);

  const std::byte* where = buffer.data();
  mutable_buffer copied = std::move(buffer).unshare();
  EXPECT_NE(copied.data(), where); // `part` still looks at it
  shared_buffer only = std::move(copied);
  where = only.data();
  mutable_buffer same = std::move(only).unshare();
  EXPECT_EQ(same.data(), where);
  same.shrink(10);
  EXPECT_EQ(same.size(), 10u);
  EXPECT_THROW(same.shrink(11), error);
}

TEST(shared_buffer, memory_goes_back_with_the_last_handle_on_any_thread) {
  auto& arena = *detail::arena::process();
  const auto before = arena.use().in_use_bytes;
  shared_buffer buffer = filled(mib, std::byte{1});
  EXPECT_EQ(arena.use().in_use_bytes, before + mib);
  std::thread([last = std::move(buffer)] { EXPECT_EQ(last.size(), mib); }).join();
  EXPECT_EQ(arena.use().in_use_bytes, before);
}

TEST(shared_buffer, goes_to_threads_and_back_without_a_copy) {
  const auto check = []() -> task<void> {
    mutable_buffer buffer = shared_buffer::make(mib);
    const std::byte* where = buffer.data();
    shared_buffer back = co_await run_in_threadpool(
        [](mutable_buffer inside) {
          std::fill(inside.begin(), inside.end(), std::byte{9});
          return std::move(inside).share();
        },
        std::move(buffer));
    EXPECT_EQ(back.data(), where);
    EXPECT_TRUE(all(back, std::byte{9}));
  };
  run(check());
}

TEST(shared_buffer, travels_as_bytes_where_nothing_is_shared) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, mib}) {
    encoder out;
    out.put(filled(size, std::byte{3}));
    decoder in(out.bytes());
    const auto back = in.get<shared_buffer>();
    in.finish();
    EXPECT_EQ(back.size(), size);
    EXPECT_TRUE(all(back, std::byte{3}));
  }
  encoder lie;
  lie.put<std::uint8_t>(1);
  lie.put<std::uint32_t>(0);
  lie.put<std::uint64_t>(0);
  lie.put<std::uint64_t>(1);
  decoder in(lie.bytes());
  EXPECT_THROW(in.get<shared_buffer>(), error);
}

TEST(buffers_between_processes, an_argument_is_read_where_it_is) {
  one_worker worker(detail::arena::process());
  const shared_buffer buffer = filled(8 * mib, std::byte{5});
  const auto held = detail::arena::process()->use().in_use_bytes;
  const auto seen = worker.call(
      [](shared_buffer given) {
        const bool writable = given.data() == std::move(given).unshare().data();
        return std::tuple(given.size(), writable);
      },
      buffer);
  EXPECT_FALSE(std::get<1>(seen));
  const auto sum = worker.call(
      [](const shared_buffer& given) {
        std::size_t total = 0;
        for (const std::byte b : given) total += static_cast<std::size_t>(b);
        return total;
      },
      buffer.slice(mib, mib));
  EXPECT_EQ(sum, 5 * mib);
  EXPECT_EQ(worker.last_arena_bytes, 0u);
  EXPECT_EQ(detail::arena::process()->use().in_use_bytes, held);
}

TEST(buffers_between_processes, a_result_is_read_where_the_worker_made_it) {
  one_worker worker(detail::arena::process());
  const auto make = [](std::size_t size, int with) {
    mutable_buffer made = shared_buffer::make(size);
    std::fill(made.begin(), made.end(), static_cast<std::byte>(with));
    return std::move(made).share();
  };
  std::vector<shared_buffer> results;
  for (int i = 0; i < 8; ++i) results.push_back(worker.call(make, 8 * mib, i));
  EXPECT_EQ(worker.area->held(), 8u);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(all(results[i], static_cast<std::byte>(i)));
  results.clear();
  EXPECT_EQ(worker.area->held(), 0u);
  // The area holds 32 of these at once: it is used again and again.
  for (int i = 0; i < 200; ++i) {
    const shared_buffer one = worker.call(make, 8 * mib, i);
    ASSERT_EQ(*one.data(), static_cast<std::byte>(i));
  }
}

TEST(buffers_between_processes, results_outlive_their_worker) {
  shared_buffer result;
  {
    one_worker worker(detail::arena::process());
    result = worker.call([] { return filled(mib, std::byte{6}); });
  }
  EXPECT_TRUE(all(result, std::byte{6}));
}

TEST(buffers_between_processes, an_owned_buffer_is_worked_on_in_place_and_comes_back) {
  one_worker worker(detail::arena::process());
  const auto increment = [](mutable_buffer inside) {
    for (std::byte& b : inside) b = static_cast<std::byte>(static_cast<int>(b) + 1);
    return inside;
  };
  mutable_buffer buffer = shared_buffer::make(mib);
  std::fill(buffer.begin(), buffer.end(), std::byte{1});
  buffer = worker.call(increment, std::move(buffer));
  EXPECT_EQ(worker.last_home, nullptr);
  const std::byte* where = buffer.data();
  for (int i = 3; i < 10; ++i) {
    ASSERT_TRUE(all(buffer.bytes(), static_cast<std::byte>(i - 1)));
    buffer = worker.call(increment, std::move(buffer));
    EXPECT_EQ(worker.last_home, worker.area.get());
    ASSERT_EQ(buffer.data(), where); // no copy any more
    ASSERT_EQ(worker.area->held(), 1u);
  }
  // The caller writes it too.
  std::fill(buffer.begin(), buffer.end(), std::byte{100});
  buffer = worker.call(increment, std::move(buffer));
  EXPECT_TRUE(all(buffer.bytes(), std::byte{101}));
  // A job that keeps it: it is gone.
  worker.call([](mutable_buffer) {}, std::move(buffer));
  EXPECT_EQ(worker.area->held(), 0u);
}

TEST(buffers_between_processes, another_workers_result_is_copied_over) {
  one_worker first(detail::arena::process());
  const shared_buffer made = first.call([] { return filled(mib, std::byte{8}); });
  one_worker second(detail::arena::process());
  EXPECT_TRUE(second.call([](const shared_buffer& given) { return all(given, std::byte{8}); }, made));
  EXPECT_EQ(second.last_home, first.area.get());
  EXPECT_TRUE(first.call([](const shared_buffer& given) { return all(given, std::byte{8}); }, made));
}

TEST(buffers_between_processes, many_forms_of_results) {
  one_worker worker(detail::arena::process());
  // The argument itself, a part of it.
  const shared_buffer input = filled(mib, std::byte{4});
  const auto same = worker.call([](shared_buffer given) { return given; }, input);
  EXPECT_EQ(same.data(), input.data());
  const auto part = worker.call([](const shared_buffer& given) { return given.slice(5, 10); }, input);
  EXPECT_EQ(part.data(), input.data() + 5);
  EXPECT_EQ(part.size(), 10u);
  // One buffer twice in a result; several; small ones; within other values.
  const auto twice = worker.call([] {
    const shared_buffer one = filled(mib, std::byte{1});
    return std::vector<shared_buffer>{one, one, filled(10, std::byte{2}), {}, filled(mib, std::byte{3})};
  });
  ASSERT_EQ(twice.size(), 5u);
  EXPECT_EQ(twice[0].data(), twice[1].data());
  EXPECT_TRUE(all(twice[2], std::byte{2}) && all(twice[4], std::byte{3}));
  EXPECT_EQ(twice[2].size(), 10u);
  EXPECT_EQ(worker.area->held(), 2u);
  // One that the worker keeps and returns again is copied, so that the caller's stays its own.
  const auto keep = [] {
    static const shared_buffer kept = filled(mib, std::byte{5});
    return kept;
  };
  const auto one = worker.call(keep), two = worker.call(keep);
  EXPECT_NE(one.data(), two.data());
  EXPECT_TRUE(all(one, std::byte{5}) && all(two, std::byte{5}));
  // Large plain values, and more buffers than a slot has room to name.
  const auto echo = [](std::string text, std::vector<shared_buffer> buffers) { return std::pair(buffers, text); };
  std::vector<shared_buffer> hundred;
  for (int i = 0; i < 100; ++i) hundred.push_back(filled(5000, static_cast<std::byte>(i)));
  for (const std::size_t size : {std::size_t{3}, 2 * mib}) {
    for (const auto whose : {detail::unpacked_reply::worker::trusted, detail::unpacked_reply::worker::hostile}) {
      worker.whose = whose;
      const auto back = worker.call(echo, std::string(size, 'x'), hundred);
      EXPECT_EQ(back.second, std::string(size, 'x'));
      for (int i = 0; i < 100; ++i) ASSERT_EQ(back.first[i].data(), hundred[i].data());
    }
  }
}

TEST(buffers_between_processes, a_job_that_throws_leaks_nothing) {
  one_worker worker(detail::arena::process());
  const auto held = detail::arena::process()->use().in_use_bytes;
  for (int i = 0; i < 100; ++i)
    EXPECT_THROW(worker.call(
                     [](shared_buffer given) -> shared_buffer {
                       const shared_buffer made = filled(8 * mib, std::byte{1});
                       if (given.size() + made.size() > 0) throw std::runtime_error("no");
                       return made;
                     },
                     shared_buffer::from(std::vector<std::byte>(mib))),
                 std::runtime_error);
  EXPECT_THROW(worker.call([] { return shared_buffer::make(std::size_t{1} << 40); }), error);
  EXPECT_EQ(worker.area->held(), 0u);
  EXPECT_EQ(detail::arena::process()->use().in_use_bytes, held);
}

} // namespace

// run_in_processpool with real worker processes. P and X number rules that people expect of such a pool, the X because
// others break them.
#include "offload/process_functions.hpp"

#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/processpool.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

using namespace std::chrono_literals;
using namespace weir;
using namespace weir::tests;

namespace {

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

task<void> until_gone(pid_t pid) {
  for (int i = 0; i < 10'000 && alive(pid); ++i) co_await sleep_for(1ms);
  EXPECT_FALSE(alive(pid));
}

/// Collects what functions print instead of passing it on.
struct quiet_pool {
  explicit quiet_pool(process_pool_options options = {}) {
    options.on_output = [this](const process_output& out) { lines[out.job].emplace_back(out.text); };
    configure_process_pool(std::move(options));
  }
  ~quiet_pool() { configure_process_pool({}); }
  std::map<std::uint64_t, std::vector<std::string>> lines;
};

TEST(processpool, P01_runs_in_another_process_which_is_used_again) {
  run([]() -> task<void> {
    const int first = co_await run_in_processpool(own_pid);
    EXPECT_NE(first, ::getpid());
    EXPECT_EQ(co_await run_in_processpool(own_pid), first);
  }());
}

TEST(processpool, P02_takes_functions_constants_and_lambdas) {
  run([]() -> task<void> {
    EXPECT_EQ(co_await run_in_processpool(add, 1, 2), 3);
    EXPECT_EQ(co_await run_in_processpool<&add>(3, 4), 7);
    EXPECT_EQ(co_await run_in_processpool([](int x) { return x * x; }, 5), 25);
    EXPECT_EQ(co_await run_in_processpool(join, std::vector<std::string>{"a", "b"}, "-"), "a-b");
    co_await run_in_processpool([] {});
  }());
}

TEST(processpool, P03_an_exception_arrives_as_itself) {
  run([]() -> task<void> {
    try {
      co_await run_in_processpool(to_number, "a");
      ADD_FAILURE() << "no exception";
    } catch (const std::invalid_argument& e) {
      EXPECT_STREQ(e.what(), "stoi");
      const auto* report = dynamic_cast<const remote_report*>(&e);
      EXPECT_NE(report, nullptr);
    }
  }());
}

TEST(processpool, P04_printing_does_no_harm) {
  run([]() -> task<void> {
    quiet_pool output;
    const int first = co_await run_in_processpool(own_pid);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(co_await run_in_processpool(write_much, 1000), 5);
      EXPECT_EQ(co_await run_in_processpool(own_pid), first);
    }
  }());
}

TEST(processpool, P05_a_megabyte_to_both_streams_does_not_block) {
  run([]() -> task<void> {
    quiet_pool output;
    EXPECT_EQ(co_await with_timeout(60s, run_in_processpool(write_much, 1 << 20)), 5);
  }());
}

TEST(processpool, P06_in_a_cancelled_scope_nothing_is_started) {
  run([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      group.cancel();
      group.spawn(run_in_processpool([] {}));
      co_return;
    });
    EXPECT_EQ(processpool_counters().workers, 0u);
  }());
}

TEST(processpool, P07_a_cancelled_function_is_killed) {
  run([]() -> task<void> {
    const int first = co_await run_in_processpool(own_pid);
    const auto begin = clock::now();
    EXPECT_FALSE((co_await move_on_after(50ms, run_in_processpool(sleep_ms, 20'000))).has_value());
    EXPECT_LT(clock::now() - begin, 4s);
    EXPECT_NE(co_await run_in_processpool(own_pid), first);
    co_await until_gone(first);
  }());
}

TEST(processpool, P08_X12_idle_workers_end_by_themselves) {
  run([]() -> task<void> {
    configure_process_pool({.idle_time = 200ms});
    const int pid = co_await run_in_processpool(own_pid);
    co_await until_gone(pid); // no call follows
    EXPECT_EQ(processpool_counters().workers, 0u);
    EXPECT_NE(co_await run_in_processpool(own_pid), pid);
  }());
}

TEST(processpool, X01_an_argument_that_cannot_be_read_fails_that_call_alone) {
  run([]() -> task<void> {
    for (const std::size_t behind : {std::size_t{0}, std::size_t{1} << 20, std::size_t{64} << 20}) { // X2 with the size
      try {
        co_await run_in_processpool(never_called, unreadable{1}, std::string(behind, 'x'));
        ADD_FAILURE() << "no error";
      } catch (const std::exception& e) {
        EXPECT_NE(std::string(e.what()).find("not like this"), std::string::npos) << e.what();
      }
      for (int i = 0; i < 100; ++i) EXPECT_EQ(co_await run_in_processpool(add, i, 1), i + 1);
    }
  }());
}

TEST(processpool, X03_standard_streams_are_captured_with_the_jobs_number) {
  run([]() -> task<void> {
    quiet_pool output;
    EXPECT_EQ(co_await run_in_processpool(use_standard_streams), 1);
    for (int i = 0; i < 1000 && output.lines[1].size() < 2; ++i) co_await sleep_for(5ms);
    const auto& lines = output.lines[1];
    EXPECT_NE(std::find(lines.begin(), lines.end(), "said by a child"), lines.end());
    EXPECT_NE(std::find(lines.begin(), lines.end(), "said by the function"), lines.end());
  }());
}

TEST(processpool, X04_exit_is_told_with_its_code) {
  run([]() -> task<void> {
    for (const int code : {0, 3}) try {
        co_await run_in_processpool<&exit_with>(code);
        ADD_FAILURE() << "no error";
      } catch (const worker_exited& e) {
        EXPECT_EQ(e.exit_code(), code);
        EXPECT_NE(e.function().find("exit_with"), std::string::npos) << e.function();
        EXPECT_GT(e.pid(), 0);
      }
    EXPECT_EQ(co_await run_in_processpool(add, 1, 1), 2);
  }());
}

TEST(processpool, X04_a_crash_is_told_with_its_signal) {
  run([]() -> task<void> {
    for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGKILL}) try {
        co_await run_in_processpool<&crash>(signal);
        ADD_FAILURE() << "no error";
      } catch (const worker_crashed& e) {
        EXPECT_EQ(e.signal(), signal);
        EXPECT_EQ(e.function(), "weir::tests::crash");
        if (signal != SIGKILL) EXPECT_FALSE(e.facts().trace.empty());
      }
    EXPECT_EQ(co_await run_in_processpool(add, 1, 1), 2);
  }());
}

TEST(processpool, X04_a_stack_overflow_is_told_as_one) {
  run([]() -> task<void> {
    try {
      co_await run_in_processpool(overflow_the_stack, 1);
      ADD_FAILURE() << "no error";
    } catch (const worker_crashed& e) {
      EXPECT_EQ(e.signal(), SIGSEGV);
      EXPECT_TRUE(e.facts().stack_overflow);
    }
  }());
}

TEST(processpool, X04_memory_beyond_the_limit_is_an_error_of_its_own) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "a sanitizer's memory cannot be limited";
#endif
#endif
  run([]() -> task<void> {
    const process_options small{.memory_limit_bytes = 64 << 20};
    EXPECT_THROW(co_await run_in_processpool(small, take_memory, std::size_t{512} << 20), job_memory_limit);
    EXPECT_EQ(co_await run_in_processpool(small, take_memory, std::size_t{1} << 20), std::size_t{1} << 20);
    EXPECT_EQ(co_await run_in_processpool(take_memory, std::size_t{128} << 20), std::size_t{128} << 20);
  }());
}

TEST(processpool, X04_output_before_the_end_comes_with_the_error) {
  run([]() -> task<void> {
    quiet_pool output;
    try {
      co_await run_in_processpool([] {
        std::printf("last words\n");
        std::fflush(stdout);
        std::abort();
      });
      ADD_FAILURE() << "no error";
    } catch (const worker_crashed& e) {
      EXPECT_NE(e.last_output().find("last words"), std::string::npos) << e.last_output();
    }
  }());
}

TEST(processpool, X05_a_deadline_ends_an_endless_loop) {
  run([]() -> task<void> {
    const int before = co_await run_in_processpool(own_pid);
    const auto begin = clock::now();
    EXPECT_THROW(co_await run_in_processpool({.deadline = 300ms}, spin_for_ever), job_timeout);
    const auto took = clock::now() - begin;
    EXPECT_GE(took, 300ms);
    EXPECT_LT(took, 3s);
    co_await until_gone(before);
    EXPECT_EQ(co_await run_in_processpool(add, 1, 1), 2);
  }());
}

TEST(processpool, X06_a_cancelled_queued_function_never_starts) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0});
    const auto trace = std::filesystem::temp_directory_path() / ("weir-started-" + std::to_string(::getpid()));
    std::filesystem::remove(trace);
    co_await with_task_group([&](task_group& group) -> task<void> {
      task_handle first = group.spawn([]() -> task<void> { co_await run_in_processpool(sleep_ms, 300); });
      co_await sleep_for(20ms);
      EXPECT_FALSE(
          (co_await move_on_after(
               50ms, run_in_processpool([](const std::string& path) { std::fclose(std::fopen(path.c_str(), "w")); },
                                        trace.string())))
              .has_value());
      co_await first.join();
      EXPECT_EQ(first.status(), task_status::finished); // not disturbed by the other
      co_await sleep_for(50ms);
    });
    EXPECT_FALSE(std::filesystem::exists(trace));
  }());
}

TEST(processpool, X09_other_exceptions_keep_type_and_text) {
  run([]() -> task<void> {
    try {
      co_await run_in_processpool(throw_own);
      ADD_FAILURE() << "no exception";
    } catch (const remote_exception& e) {
      EXPECT_NE(std::string(e.what()).find("mine"), std::string::npos);
      EXPECT_EQ(e.type(), "weir::tests::own_error");
    }
    EXPECT_THROW(co_await run_in_processpool(throw_int), remote_exception);
    EXPECT_THROW(co_await run_in_processpool([] { throw std::out_of_range("x"); }), std::out_of_range);
  }());
}

TEST(processpool, X10_many_more_calls_than_workers_are_all_done) {
  run([]() -> task<void> {
    std::vector<task<int>> calls;
    for (int i = 0; i < 2000; ++i) calls.push_back(run_in_processpool(add, i, i));
    const auto sums = co_await with_timeout(120s, gather(std::move(calls)));
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(sums[static_cast<std::size_t>(i)], 2 * i);
  }());
}

TEST(processpool, X11_ten_thousand_calls_with_a_crash_in_each_hundred) {
  run([]() -> task<void> {
    quiet_pool output;
    std::vector<task<int>> calls;
    for (int i = 0; i < 10'000; ++i) calls.push_back(run_in_processpool(crash_every_hundredth, i));
    int good = 0, crashed = 0;
    const auto outcomes = co_await gather_results(std::move(calls));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].has_value()) {
        EXPECT_EQ(outcomes[i].value(), static_cast<int>(i));
        ++good;
        continue;
      }
      try {
        std::rethrow_exception(outcomes[i].failure());
      } catch (const worker_crashed& e) {
        EXPECT_EQ(e.signal(), SIGABRT);
        ++crashed;
      } catch (const std::exception& e) {
        ADD_FAILURE() << i << ": " << e.what();
      }
    }
    EXPECT_EQ(good, 9'900);
    EXPECT_EQ(crashed, 100);
  }());
}

TEST(processpool, X13_restarts_leave_nothing_behind) {
  run([]() -> task<void> {
    const auto descriptors = [] {
      return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
    };
    configure_process_pool({.max_workers = 1, .spare_workers = 0, .max_jobs_per_worker = 1});
    std::set<int> pids;
    for (int i = 0; i < 10; ++i) co_await run_in_processpool(own_pid);
    const auto before = descriptors();
    const int rounds = std::getenv("WEIR_LONG_TESTS") ? 1000 : 100;
    for (int i = 0; i < rounds; ++i) pids.insert(co_await run_in_processpool(own_pid));
    EXPECT_EQ(pids.size(), static_cast<std::size_t>(rounds));
    for (int i = 0; i < 1000 && descriptors() > before; ++i) co_await sleep_for(5ms);
    EXPECT_LE(descriptors(), before);
    for (const int pid : pids) co_await until_gone(pid); // none is left, not even as a zombie
  }());
}

TEST(processpool, a_polite_function_gets_its_grace) {
  run([]() -> task<void> {
    const int before = co_await run_in_processpool(own_pid);
    EXPECT_EQ(co_await move_on_after(50ms, run_in_processpool({.grace = 20s}, stop_politely)), 7);
    EXPECT_EQ(co_await run_in_processpool(own_pid), before);
  }());
}

TEST(processpool, an_idempotent_function_is_run_again_when_its_worker_dies) {
  run([]() -> task<void> {
    const auto mark = std::filesystem::temp_directory_path() / ("weir-once-" + std::to_string(::getpid()));
    std::filesystem::remove(mark);
    const auto dies_once = [](const std::string& path) {
      if (std::FILE* there = std::fopen(path.c_str(), "r")) {
        std::fclose(there);
        return 1;
      }
      std::fclose(std::fopen(path.c_str(), "w"));
      ::raise(SIGKILL);
      return 0;
    };
    EXPECT_EQ(co_await run_in_processpool({.idempotent = true}, dies_once, mark.string()), 1);
    std::filesystem::remove(mark);
    EXPECT_THROW(co_await run_in_processpool(dies_once, mark.string()), worker_crashed);
    std::filesystem::remove(mark);
  }());
}

TEST(processpool, a_function_that_keeps_dying_is_refused_for_a_while) {
  run([]() -> task<void> {
    int crashes = 0;
    bool refused = false;
    for (int i = 0; i < 8 && !refused; ++i) try {
        co_await run_in_processpool<&crash>(SIGKILL);
      } catch (const worker_crashed&) {
        ++crashes;
      } catch (const function_suspended& e) {
        refused = true;
        EXPECT_EQ(e.deaths(), 5);
        EXPECT_GT(e.retry_after(), 0ms);
      }
    EXPECT_TRUE(refused);
    EXPECT_EQ(crashes, 5);
    EXPECT_EQ(co_await run_in_processpool(add, 1, 1), 2); // others are not concerned
  }());
}

TEST(processpool, priority_goes_first) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0});
    std::vector<int> order;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([]() -> task<void> { co_await run_in_processpool(sleep_ms, 100); });
      co_await sleep_for(30ms);
      for (const int p : {0, 1, 2})
        group.spawn(
            [&order, p]() -> task<void> { order.push_back(co_await run_in_processpool({.priority = p}, add, p, 0)); });
    });
    EXPECT_EQ(order, (std::vector<int>{2, 1, 0}));
  }());
}

TEST(processpool, large_arguments_and_results) {
  run([]() -> task<void> {
    for (const std::size_t size : {std::size_t{100}, std::size_t{5000}, std::size_t{1} << 20, std::size_t{64} << 20}) {
      std::vector<std::byte> bytes(size, std::byte{7});
      bytes.back() = std::byte{9};
      EXPECT_TRUE(co_await run_in_processpool(echo_bytes, bytes) == bytes) << size;
    }
  }());
}

TEST(processpool, shared_buffers_travel_without_a_copy) {
  run([]() -> task<void> {
    mutable_buffer filled = shared_buffer::make(8 << 20);
    std::fill(filled.begin(), filled.end(), std::byte{0x0f});
    const shared_buffer input = std::move(filled);
    const shared_buffer output = co_await run_in_processpool(invert, input);
    EXPECT_EQ(output.size(), input.size());
    EXPECT_TRUE(std::all_of(output.begin(), output.end(), [](std::byte b) { return b == std::byte{0xf0}; }));
  }());
}

TEST(processpool, a_sandboxed_function_computes_and_nothing_else) {
  if (!probe_sandbox().sufficient()) GTEST_SKIP() << to_string(probe_sandbox());
  run([]() -> task<void> {
    quiet_pool output;
    const process_options shut_in{.sandbox = sandbox_options()};
    EXPECT_EQ(co_await run_in_processpool(shut_in, add, 1, 2), 3);
    EXPECT_EQ(co_await run_in_processpool(shut_in, [] { return std::fopen("/etc/passwd", "r") == nullptr; }), true);
    EXPECT_THROW(co_await run_in_processpool(shut_in, to_number, "x"), std::invalid_argument);
    EXPECT_EQ(co_await run_in_processpool(shut_in, echo, std::string(100'000, 'y')), std::string(100'000, 'y'));
    try {
      EXPECT_EQ(co_await run_in_processpool(shut_in, forks), 0);
    } catch (const worker_crashed& e) {
      EXPECT_EQ(e.signal(), SIGSYS);
    }
    sandbox_options once;
    once.one_shot = true;
    const int first = co_await run_in_processpool({.sandbox = once}, own_pid);
    EXPECT_NE(co_await run_in_processpool({.sandbox = once}, own_pid), first);
  }());
}

int twice(int x) { return 2 * x; }

TEST(processpool, map_keeps_the_order) {
  run([]() -> task<void> {
    std::vector<int> numbers(1000);
    for (int i = 0; i < 1000; ++i) numbers[static_cast<std::size_t>(i)] = i;
    const auto a = co_await map_in_processpool(numbers, [](int x) { return x + 1; });
    const auto b = co_await map_in_processpool<&twice>(numbers, {}, 7);
    for (std::size_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(a[i], static_cast<int>(i) + 1);
      EXPECT_EQ(b[i], 2 * static_cast<int>(i));
    }
    EXPECT_THROW(
        co_await map_in_processpool(numbers, [](int x) { return x == 500 ? throw std::range_error("500") : x; }),
        std::range_error);
  }());
}

TEST(processpool, the_loop_answers_while_workers_compute) {
  run([]() -> task<void> {
    int ticks = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto ticking = group.spawn([&]() -> task<void> {
        for (;; ++ticks) co_await sleep_for(1ms);
      });
      co_await run_in_processpool(sleep_ms, 200);
      ticking.cancel();
    });
    EXPECT_GT(ticks, 40);
  }());
}

TEST(processpool, a_second_loop_has_workers_of_its_own) {
  const int first = run(run_in_processpool(own_pid));
  const int second = run(run_in_processpool(own_pid));
  EXPECT_NE(first, second);
  for (int i = 0; i < 2000 && alive(first); ++i) std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(alive(first));
}

} // namespace

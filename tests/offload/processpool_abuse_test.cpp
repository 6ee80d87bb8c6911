// What a process pool must endure: deaths, cancellations and deadlines at every moment, and resources that run out.
#include "offload/process/host.hpp"
#include "offload/process_functions.hpp"

#include <weir/core/embedded_loop.hpp>
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/processpool.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <set>

using namespace std::chrono_literals;
using namespace weir;
using namespace weir::tests;

namespace {

/// A file whose bytes count how often each job was run.
class tally {
 public:
  tally() : fd_(::mkstemp(path_)) {}
  tally(const tally&) = delete;
  tally& operator=(const tally&) = delete;
  ~tally() {
    ::close(fd_);
    ::unlink(path_);
  }
  std::string path() const { return path_; }
  int runs(int job) const {
    char count = 0;
    return ::pread(fd_, &count, 1, job) == 1 ? count : 0;
  }

 private:
  char path_[32] = "/tmp/weir-tally-XXXXXX";
  int fd_;
};

/// Runs in a worker; no two workers run the same job at once.
std::pair<int, int> count_run(const std::string& path, int job) {
  const int fd = ::open(path.c_str(), O_RDWR);
  char count = 0;
  [[maybe_unused]] auto done = ::pread(fd, &count, 1, job);
  ++count;
  done = ::pwrite(fd, &count, 1, job);
  ::close(fd);
  return {job, ::getpid()};
}

/// The thread of the loop is busy: what workers answer meanwhile is not collected.
void block_the_loop(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

int sleep_us(int microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  return microseconds;
}

/// Runs two calls, the second only once the pool is sound again.
task<void> still_works() {
  EXPECT_EQ(co_await with_timeout(30s, run_in_processpool(add, 1, 2)), 3);
  EXPECT_EQ(co_await with_timeout(30s, run_in_processpool(add, 3, 4)), 7);
}

TEST(processpool_abuse, workers_are_killed_at_random_under_ten_thousand_calls) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 3, .max_deaths = 1 << 30});
    const tally counts;
    constexpr int calls = 10'000;
    std::vector<pid_t> seen;
    int good = 0, crashed = 0, unavailable = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto killer = group.spawn([&]() -> task<void> {
        std::mt19937 random(7);
        for (;;) {
          co_await sleep_for(std::chrono::microseconds(random() % 20'000));
          if (!seen.empty()) ::kill(seen[random() % seen.size()], SIGKILL);
          seen.clear();
        }
      });
      co_await with_task_group([&](task_group& callers) -> task<void> {
        for (int caller = 0; caller < 20; ++caller)
          callers.spawn([&, caller]() -> task<void> {
            for (int job = caller; job < calls; job += 20) try {
                const auto [same, pid] = co_await run_in_processpool(count_run, counts.path(), job);
                EXPECT_EQ(same, job);
                EXPECT_EQ(counts.runs(job), 1);
                seen.push_back(pid);
                ++good;
              } catch (const worker_crashed& e) {
                EXPECT_EQ(e.signal(), SIGKILL);
                EXPECT_LE(counts.runs(job), 1);
                ++crashed;
              } catch (const worker_unavailable&) {
                EXPECT_EQ(counts.runs(job), 0);
                ++unavailable;
              }
          });
        co_return;
      });
      killer.cancel();
    });
    EXPECT_EQ(good + crashed + unavailable, calls);
    EXPECT_GT(processpool_counters().died, 3u);
    co_await still_works();
  }());
}

TEST(processpool_abuse, the_zygote_is_killed_while_functions_run) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 3, .spare_workers = 0});
    for (int round = 0; round < 5; ++round) {
      std::vector<task<int>> calls;
      for (int i = 0; i < 3; ++i) calls.push_back(run_in_processpool(sleep_ms, 1000));
      calls.push_back([](int after) -> task<int> {
        co_await sleep_for(std::chrono::milliseconds(after));
        auto& host = detail::process_host::current();
        if (const pid_t zygote = host.zygote_pid(); zygote > 0) ::kill(zygote, SIGKILL);
        co_return 0;
      }(round * 30 + 1)); // not there yet, not ready, at work
      const auto outcomes = co_await with_timeout(60s, gather_results(std::move(calls)));
      for (std::size_t i = 0; i < 3; ++i) {
        if (outcomes[i].has_value()) continue; // begun with the zygote after it
        EXPECT_THROW(std::rethrow_exception(outcomes[i].failure()), process_error);
      }
      co_await still_works();
    }
  }());
}

TEST(processpool_abuse, a_stopped_worker_is_killed_at_its_deadline) {
  run([]() -> task<void> {
    const pid_t pid = co_await run_in_processpool(own_pid);
    EXPECT_THROW(co_await with_timeout(30s, run_in_processpool({.deadline = 200ms}, [] { return ::raise(SIGSTOP); })),
                 job_timeout);
    for (int i = 0; i < 5000 && ::kill(pid, 0) == 0; ++i) co_await sleep_for(1ms);
    EXPECT_NE(::kill(pid, 0), 0);
    co_await still_works();
  }());
}

TEST(processpool_abuse, a_deadline_at_any_moment_gives_a_value_or_job_timeout) {
  run([]() -> task<void> {
    int late = 0;
    for (int us = 0; us < 4000; us += 50) try {
        EXPECT_EQ(co_await run_in_processpool({.deadline = std::chrono::microseconds(us)}, sleep_us, 1500), 1500);
      } catch (const job_timeout&) {
        ++late;
      }
    EXPECT_GT(late, 0);
    co_await still_works();
  }());
}

TEST(processpool_abuse, cancellation_at_any_moment_ends_the_call) {
  run([]() -> task<void> {
    for (int us = 0; us < 4000; us += 50)
      co_await move_on_after(std::chrono::microseconds(us), run_in_processpool(sleep_us, 1500));
    co_await still_works();
  }());
}

TEST(processpool_abuse, cancellation_while_a_crash_is_described) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .max_deaths = 1 << 30});
    for (int ms = 0; ms < 40; ms += 2) try {
        co_await move_on_after(std::chrono::milliseconds(ms), run_in_processpool(crash, SIGSEGV));
      } catch (const worker_crashed&) {}
    EXPECT_EQ(processpool_counters().queued, 0u);
    co_await still_works();
  }());
}

TEST(processpool_abuse, an_answer_that_is_there_saves_the_worker_from_cancellation) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0});
    const pid_t before = co_await run_in_processpool(own_pid);
    co_await with_task_group([](task_group& group) -> task<void> {
      auto call = group.spawn([]() -> task<void> { co_await run_in_processpool(add, 1, 1); });
      co_await yield_now();
      co_await yield_now(); // it is with the worker
      block_the_loop(300ms);
      call.cancel();
      co_await call.join();
    });
    EXPECT_EQ(co_await run_in_processpool(own_pid), before);
  }());
}

TEST(processpool_abuse, what_waits_behind_a_cancelled_function_is_run_once) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0});
    const tally counts;
    for (int round = 0; round < 100; round += 2) {
      for (int i = 0; i < 20; ++i) co_await run_in_processpool(add, i, 1); // quick: now they may queue in its ring
      co_await with_task_group([&](task_group& group) -> task<void> {
        auto first = group.spawn([&]() -> task<void> { co_await run_in_processpool(count_run, counts.path(), round); });
        group.spawn([&]() -> task<void> { co_await run_in_processpool(count_run, counts.path(), round + 1); });
        co_await yield_now();
        co_await yield_now();
        std::this_thread::sleep_for(std::chrono::microseconds(round * 20));
        first.cancel();
      });
      EXPECT_LE(counts.runs(round), 1);
      EXPECT_EQ(counts.runs(round + 1), 1);
    }
  }());
}

TEST(processpool_abuse, the_place_of_a_cancelled_call_is_taken_by_the_next) {
  for (const bool by_deadline : {false, true})
    run([](bool deadline) -> task<void> {
      configure_process_pool({.max_workers = 1, .spare_workers = 0});
      co_await with_timeout(60s, with_task_group([&](task_group& group) -> task<void> {
                              // Both wait for a worker that is being started; the first one leaves.
                              process_options options;
                              if (deadline) options.deadline = 1us;
                              auto first = group.spawn([&]() -> task<void> {
                                try {
                                  co_await run_in_processpool(options, add, 1, 1);
                                } catch (const job_timeout&) {}
                              });
                              group.spawn([]() -> task<void> { EXPECT_EQ(co_await run_in_processpool(add, 2, 2), 4); });
                              co_await yield_now();
                              co_await yield_now();
                              if (!deadline) first.cancel();
                            }));
    }(by_deadline));
}

int dies_when_asked_to_stop(std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  return ::raise(SIGKILL);
}

TEST(processpool_abuse, a_function_that_dies_in_its_grace_is_not_run_again) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0});
    const process_options options{.grace = 300ms, .idempotent = true};
    co_await move_on_after(100ms, run_in_processpool(options, dies_when_asked_to_stop));
    co_await sleep_for(500ms); // past its grace
    EXPECT_EQ(processpool_counters().retried, 0u);
    process_options timed = options;
    timed.deadline = 50ms;
    EXPECT_THROW(co_await run_in_processpool(timed, dies_when_asked_to_stop), job_timeout);
    co_await sleep_for(500ms);
    co_await still_works();
  }());
}

TEST(processpool_abuse, endless_deadlines_and_graces) {
  run([]() -> task<void> {
    const process_options patient{.deadline = clock::duration::max() - 1ns, .grace = std::chrono::milliseconds::max()};
    EXPECT_EQ(co_await run_in_processpool(patient, add, 1, 1), 2);
    EXPECT_EQ(co_await move_on_after(50ms, run_in_processpool(patient, stop_politely)), 7);
  }());
}

TEST(processpool_abuse, fewer_workers_than_there_are) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 4, .spare_workers = 0});
    co_await with_task_group([](task_group& group) -> task<void> {
      for (int i = 0; i < 4; ++i) group.spawn([]() -> task<void> { co_await run_in_processpool(sleep_ms, 200); });
      while (processpool_counters().started < 4) co_await sleep_for(5ms);
      configure_process_pool({.max_workers = 1, .spare_workers = 0});
    });
    std::vector<task<int>> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(run_in_processpool(own_pid));
    const auto pids = co_await gather(std::move(calls));
    EXPECT_EQ(std::set<int>(pids.begin(), pids.end()).size(), 1u);
    EXPECT_EQ(processpool_counters().workers, 1u);
    configure_process_pool({.max_workers = 3, .spare_workers = 0});
    co_await still_works();
  }());
}

TEST(processpool_abuse, a_worker_that_has_grown_is_replaced) {
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 1, .spare_workers = 0, .max_growth_bytes = 8 << 20});
    const pid_t first = co_await run_in_processpool(own_pid);
    co_await sleep_for(200ms); // its memory is watched from now on
    EXPECT_EQ(co_await run_in_processpool(own_pid), first);
    co_await run_in_processpool([] {
      static std::vector<char> kept;
      kept.assign(64 << 20, 'x');
    });
    for (int i = 0; i < 1000 && processpool_counters().recycled == 0; ++i) co_await sleep_for(10ms);
    EXPECT_EQ(processpool_counters().recycled, 1u);
    EXPECT_NE(co_await run_in_processpool(own_pid), first);
  }());
}

TEST(processpool_abuse, the_loop_ends_while_workers_start) {
  for (int round = 0; round < 10; ++round)
    run([](int turns) -> task<void> {
      configure_process_pool({.max_workers = 3});
      co_await with_task_group([&](task_group& group) -> task<void> {
        for (int i = 0; i < 5; ++i) group.spawn([]() -> task<void> { co_await run_in_processpool(sleep_ms, 60'000); });
        for (int i = 0; i < turns; ++i) co_await yield_now();
        group.cancel();
      });
    }(round));
}

TEST(processpool_abuse, an_embedded_loop_has_workers) {
  embedded_loop guest;
  int sum = 0;
  const auto until_idle = [&] {
    for (int i = 0; i < 6000 && !guest.is_idle(); ++i) {
      pollfd watched{guest.descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 10);
      guest.run_ready();
    }
    EXPECT_TRUE(guest.is_idle());
  };
  guest.spawn([&]() -> task<void> { sum = co_await run_in_processpool(add, 20, 1); });
  until_idle();
  EXPECT_EQ(sum, 21);
  guest.spawn([&]() -> task<void> { co_await run_in_processpool(sleep_ms, 60'000); });
  guest.run_ready();
  guest.cancel();
  until_idle();
}

TEST(processpool_abuse, two_loops_on_two_threads) {
  const auto work = [](int seed) {
    run(
        [](int from) -> task<void> {
          configure_process_pool({.max_workers = 2});
          const shared_buffer same = shared_buffer::make(1 << 20);
          for (int i = 0; i < 100; ++i) {
            EXPECT_EQ(co_await run_in_processpool(add, from, i), from + i);
            if (i % 20 == 0) EXPECT_EQ((co_await run_in_processpool(invert, same)).size(), same.size());
            if (i % 50 == 0) EXPECT_THROW(co_await run_in_processpool(crash, SIGKILL), worker_crashed);
          }
        }(seed),
        run_options{.handle_signals = false});
  };
  std::jthread other([&] { work(1000); });
  work(2000);
}

/// As large as it says; it takes no memory before it is written.
struct bulky {
  std::uint64_t size_bytes = 0;
};
struct unwritable {
  int fails_at = 0; ///< which time it is written
};

} // namespace

template <>
struct weir::codec<bulky> {
  static void encode(encoder& out, const bulky& value) {
    static const std::vector<std::byte> block(1 << 20);
    out.put(value.size_bytes);
    for (std::uint64_t left = value.size_bytes; left > 0;) {
      const auto now = std::min<std::uint64_t>(left, block.size());
      out.write(block.data(), static_cast<std::size_t>(now));
      left -= now;
    }
  }
  static bulky decode(decoder& in) { return {in.get<std::uint64_t>()}; }
};

template <>
struct weir::codec<unwritable> {
  static void encode(encoder& out, const unwritable& value) {
    static int times = 0;
    if (++times % 2 == value.fails_at % 2) throw std::domain_error("cannot be written");
    static const std::vector<std::byte> block(1 << 16);
    out.write(block.data(), block.size());
  }
  static unwritable decode(decoder&) { return {}; }
};

namespace {

TEST(processpool_abuse, arguments_beyond_the_shared_memory_are_refused) {
  run([]() -> task<void> {
    try {
      co_await run_in_processpool([](bulky) {}, bulky{std::uint64_t{1} << 42});
      ADD_FAILURE() << "no error";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::too_large) << e.what();
    }
    co_await still_works();
  }());
}

TEST(processpool_abuse, a_result_beyond_the_result_area_is_an_error_of_that_call) {
  run([]() -> task<void> {
    const pid_t before = co_await run_in_processpool(own_pid);
    try {
      co_await run_in_processpool([] { return bulky{std::uint64_t{5} << 30}; });
      ADD_FAILURE() << "no error";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::too_large) << e.what();
    }
    EXPECT_THROW(co_await run_in_processpool([] { return shared_buffer(shared_buffer::make(std::size_t{5} << 30)); }),
                 error);
    EXPECT_EQ(co_await run_in_processpool(own_pid), before);
  }());
}

TEST(processpool_abuse, arguments_that_cannot_be_written_fail_the_call) {
  run([]() -> task<void> {
    for (const int which : {1, 0, 1, 0, 0, 1}) try {
        co_await run_in_processpool([](unwritable) {}, unwritable{which});
        ADD_FAILURE() << "no error";
      } catch (const std::domain_error&) {}
    EXPECT_EQ(processpool_counters().queued, 0u);
    co_await still_works();
  }());
}

TEST(processpool_abuse, a_worker_may_have_workers_of_its_own) {
  run([]() -> task<void> {
    const auto nested = [](int x) { return run(run_in_processpool(add, x, 1)); };
    EXPECT_EQ(co_await with_timeout(60s, run_in_processpool(nested, 5)), 6);
    // They go with it.
    const auto nested_pid = [] { return run(run_in_processpool(own_pid)); };
    const pid_t inner = co_await with_timeout(60s, run_in_processpool(nested_pid));
    for (int i = 0; i < 5000 && ::kill(inner, 0) == 0; ++i) co_await sleep_for(1ms);
    EXPECT_NE(::kill(inner, 0), 0);
  }());
}

TEST(processpool_abuse, a_child_that_a_function_forks_does_not_answer) {
  run([]() -> task<void> {
    const pid_t before = co_await run_in_processpool(own_pid);
    for (int i = 0; i < 20; ++i) {
      const bool parent = co_await run_in_processpool([] { return ::fork() != 0; });
      EXPECT_TRUE(parent);
    }
    EXPECT_EQ(co_await run_in_processpool(own_pid), before);
  }());
}

/// All descriptors that this process may have but `spare` are taken while this lives.
class few_descriptors {
 public:
  explicit few_descriptors(int spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    std::set<int> open;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
      open.insert(std::stoi(each.path().filename()));
    int limit = 0;
    for (int free = 0; free <= spare; ++limit) free += !open.contains(limit);
    const rlimit tight{static_cast<rlim_t>(limit - 1), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(processpool_abuse, without_descriptors_calls_fail_typed_or_wait) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "the sanitizer looks at objects by means of a pipe";
#endif
#endif
  run([]() -> task<void> {
    for (int spare = 0; spare <= 24; ++spare) {
      configure_process_pool({.max_workers = 2, .spare_workers = 0});
      co_await run_in_processpool(own_pid);
      {
        const few_descriptors none(spare);
        // One that is there goes on, and who finds it busy may wait for it.
        co_await with_timeout(60s, with_task_group([](task_group& group) -> task<void> {
                                group.spawn(
                                    []() -> task<void> { EXPECT_EQ(co_await run_in_processpool(sleep_ms, 30), 30); });
                                co_await yield_now();
                                co_await yield_now();
                                group.spawn([]() -> task<void> {
                                  try {
                                    EXPECT_EQ(co_await run_in_processpool(add, 1, 1), 2);
                                  } catch (const worker_unavailable&) {}
                                });
                              }));
        configure_process_pool({.max_workers = 1, .spare_workers = 0});
        ::kill(co_await run_in_processpool(own_pid), SIGKILL);
        for (int i = 0; i < 1000 && processpool_counters().workers > 0; ++i) co_await sleep_for(1ms);
        bool worked = false;
        try {
          worked = co_await with_timeout(60s, run_in_processpool(add, 1, 1)) == 2;
        } catch (const worker_unavailable& e) {
          EXPECT_FALSE(std::string(e.what()).empty());
        }
        if (spare == 24) EXPECT_TRUE(worked); // the dead worker's descriptors may do for a new one even without any
      }
      co_await still_works();
    }
  }());
}

TEST(processpool_abuse, spare_workers_that_cannot_be_had_are_not_tried_for_ever) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "the sanitizer looks at objects by means of a pipe";
#endif
#endif
  run([]() -> task<void> {
    configure_process_pool({.max_workers = 2, .spare_workers = 0});
    co_await run_in_processpool(own_pid);
    for (int spare = 0; spare < 12; ++spare) {
      const few_descriptors none(spare);
      configure_process_pool({.max_workers = 2, .spare_workers = 1});
      const auto turns = loop::current().counters().turns;
      co_await sleep_for(30ms);
      EXPECT_LT(loop::current().counters().turns - turns, 200u) << spare;
    }
    co_await still_works();
  }());
}

TEST(processpool_abuse, a_thousand_open_descriptors) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < 2000) GTEST_SKIP() << "not so many are allowed here";
  const rlimit many{std::max<rlim_t>(limit.rlim_cur, 2000), limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &many);
  {
    std::vector<unique_fd> open;
    for (int i = 0; i < 1000; ++i) open.emplace_back(::open("/dev/null", O_RDONLY)); // inheritable
    run([]() -> task<void> {
      co_await still_works();
      const auto count = [] {
        int open = 0;
        for (int fd = 0; fd < 2000; ++fd) open += ::fcntl(fd, F_GETFD) >= 0;
        return open;
      };
      EXPECT_LT(co_await run_in_processpool(count), 50);
    }());
  }
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(processpool_abuse, who_reads_output_may_cancel_and_configure) {
  run([]() -> task<void> {
    task_handle call;
    int lines = 0;
    process_pool_options options{.max_workers = 1, .spare_workers = 0};
    options.on_output = [&](const process_output&) {
      ++lines;
      call.cancel();
      configure_process_pool({.max_workers = 1, .spare_workers = 0, .on_output = [&](const process_output&) {}});
    };
    configure_process_pool(std::move(options));
    co_await with_task_group([&](task_group& group) -> task<void> {
      call = group.spawn([]() -> task<void> {
        co_await run_in_processpool([] {
          std::this_thread::sleep_for(20ms);
          std::puts("done");
        });
      });
      co_await yield_now();
      co_await yield_now();
      while (processpool_counters().started == 0) co_await yield_now();
      block_the_loop(300ms); // its reply and its line are there together
      co_await call.join();
    });
    EXPECT_EQ(lines, 1);
    configure_process_pool({});
    co_await still_works();
  }());
}

} // namespace

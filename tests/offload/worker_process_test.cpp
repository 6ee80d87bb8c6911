#include "offload/process/channel.hpp"

#include <weir/core/detail/time_slice.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <new>
#include <thread>

using namespace weir;
using namespace weir::detail;
using namespace weir::processes;
using namespace std::chrono_literals;

namespace {

/// Waits for what a worker says; the loop goes on meanwhile.
task<void> until(board& shared, std::uint32_t value = 1) {
  for (int turn = 0; shared.raised() != value; ++turn) {
    if (turn > 40000) throw std::runtime_error("the worker said nothing");
    co_await sleep_for(500us);
  }
}

/// Starts a worker, waits for its end and closes what was started.
exit_report end_of(worker_main entry, const std::function<void(worker_options&, board&)>& change = {},
                   board* left = nullptr) {
  channel with;
  worker_options options = with.options(entry);
  if (change) change(options, with.shared());
  const exit_report report = run([](worker_options o) -> task<exit_report> {
    auto worker = co_await process_host::current().start_worker(std::move(o));
    const exit_report ended = co_await with_timeout(60s, worker.ended());
    co_await process_host::current().close();
    co_return ended;
  }(std::move(options)));
  if (left) *left = with.shared();
  return report;
}

TEST(worker_process, an_exit_code_arrives) {
  const auto report = end_of([](worker_context&) { ::_exit(3); });
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(report.signal, 0);
  EXPECT_FALSE(report.killed);
  EXPECT_FALSE(report.lost);
  EXPECT_GT(report.pid, 0);
  EXPECT_GT(report.max_rss_bytes, 100'000u);
  EXPECT_EQ(report.failure, "");
  EXPECT_EQ(end_of([](worker_context&) {}).exit_code, 0) << "to return is to end";
}

TEST(worker_process, a_crash_arrives_with_signal_job_address_and_last_words) {
  const auto report = end_of([](worker_context& c) {
    c.slot->set_job(77);
    std::puts("about to fall");
    *reinterpret_cast<volatile int*>(std::uintptr_t{0x1230}) = 1;
  });
  EXPECT_EQ(report.signal, SIGSEGV);
  EXPECT_EQ(report.job, 77u);
  EXPECT_NE(report.last_output.find("about to fall\n"), std::string::npos) << report.last_output;
  ASSERT_TRUE(report.crash.present);
  EXPECT_EQ(report.crash.facts.fault_address, 0x1230u);
  EXPECT_GT(report.crash.frames.size(), 1u);
  EXPECT_FALSE(report.core_dumped);
}

TEST(worker_process, an_exception_that_leaves_it_is_its_failure) {
  const auto report = end_of([](worker_context&) { throw std::runtime_error("no \x1b[31m colour"); });
  EXPECT_EQ(report.exit_code, 70);
  EXPECT_EQ(report.failure, "no ?[31m colour") << "bytes of the worker, made harmless";
}

TEST(worker_process, output_comes_as_lines_with_job_and_stream_and_never_on_our_own) {
  struct told {
    pid_t pid;
    std::uint64_t job;
    output_line::stream from;
    std::string text;
  };
  std::vector<told> lines;
  testing::internal::CaptureStdout();
  const auto report = end_of(
      [](worker_context& c) {
        c.slot->set_job(5);
        std::printf("one\n\nhalf");
        std::fflush(stdout);
        std::fprintf(stderr, "trouble\n");
        [[maybe_unused]] const int outcome = std::system("echo shell");
        char letter;
        if (::read(0, &letter, 1) == 0) std::printf("stdin is empty");
        std::fflush(stdout);
        ::_exit(0);
      },
      [&](worker_options& o, board&) {
        o.on_output = [&](const output_line& l) { lines.push_back({l.pid, l.job, l.from, std::string(l.text)}); };
      });
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  std::vector<std::string> out, err;
  for (const auto& line : lines) {
    EXPECT_EQ(line.pid, report.pid);
    EXPECT_EQ(line.job, 5u);
    (line.from == output_line::stream::out ? out : err).push_back(line.text);
  }
  EXPECT_EQ(out, (std::vector<std::string>{"one", "", "halfshell", "stdin is empty"}));
  EXPECT_EQ(err, std::vector<std::string>{"trouble"});
}

TEST(worker_process, a_flood_of_output_is_bounded_and_does_not_block_the_worker_or_the_loop) {
  std::size_t bytes = 0, longest = 0;
  const auto report = end_of(
      [](worker_context&) {
        const std::string piece(200'000, 'x'); // without a newline: longer than a line may be
        for (int i = 0; i < 10; ++i) std::fwrite(piece.data(), 1, piece.size(), stdout);
        std::printf("\nend\n");
        std::fflush(stdout);
        ::_exit(0);
      },
      [&](worker_options& o, board&) {
        o.on_output = [&](const output_line& l) {
          bytes += l.text.size();
          longest = std::max(longest, l.text.size());
        };
      });
  EXPECT_EQ(bytes, 2'000'003u);
  EXPECT_EQ(longest, 64u * 1024);
  EXPECT_EQ(report.last_output.size(), 4096u);
  EXPECT_TRUE(report.last_output.ends_with("x\nend\n"));
}

TEST(worker_process, its_world_is_small_and_its_own) {
  board seen;
  ::setenv("WEIR_TEST_WORD", "from the parent", 1);
  channel other;
  const auto report = end_of(
      [](worker_context& c) {
        board& b = board_of(c);
        b.numbers[0] = static_cast<std::int64_t>(numbers_in("/proc/self/fd").size()) - 1; // that folder itself
        b.numbers[1] = static_cast<std::int64_t>(numbers_in("/proc/self/task").size());
        b.numbers[2] = ::getpgrp() == ::getpid();
        b.numbers[3] = ::getpriority(PRIO_PROCESS, 0);
        b.numbers[4] = std::atoi(contents("/proc/self/oom_score_adj").c_str());
        b.numbers[5] = c.fds.size() == 2 && c.fds[0] == 3 && c.fds[1] == 4;
        b.numbers[6] = time_slice() / 1us;
        const char* word = std::getenv("WEIR_TEST_WORD");
        b.put(word ? word : "nothing");
      },
      [&](worker_options& o, board&) {
        o.fds.push_back(other.fd());
        o.nice = 7;
      },
      &seen);
  ::unsetenv("WEIR_TEST_WORD");
  ASSERT_EQ(report.exit_code, 0) << report.failure;
  EXPECT_EQ(seen.numbers[0], 5) << "0 to 2, the channel, the other one";
#if !defined(__has_feature) || !__has_feature(thread_sanitizer)
  EXPECT_EQ(seen.numbers[1], 1) << "threads";
#endif
  EXPECT_TRUE(seen.numbers[2]);
  EXPECT_GE(seen.numbers[3], 7);
  const int own = std::atoi(contents("/proc/self/oom_score_adj").c_str());
  EXPECT_EQ(seen.numbers[4], std::min(own + 500, 1000));
  EXPECT_TRUE(seen.numbers[5]);
  EXPECT_EQ(seen.numbers[6], time_slice() / 1us) << "the usual one, not that of a loop";
  EXPECT_STREQ(seen.text, "from the parent");
}

TEST(worker_process, ps_shows_its_title) {
  channel with;
  run([](channel& c) -> task<void> {
    auto worker = co_await process_host::current().start_worker(c.options([](worker_context& own) {
      set_process_title("weir-worker: ns::resize");
      board_of(own).raise();
      board_of(own).wait();
    }));
    co_await until(c.shared());
    const std::string folder = "/proc/" + std::to_string(worker.pid());
    EXPECT_EQ(contents(folder + "/cmdline").substr(0, 24), std::string("weir-worker: ns::resize\0", 24));
    EXPECT_EQ(contents(folder + "/comm"), "ker: ns::resize\n") << "the last 15 bytes";
    const std::string zygote = "/proc/" + std::to_string(process_host::current().zygote_pid());
    EXPECT_EQ(contents(zygote + "/comm"), "weir-zygote\n");
    EXPECT_EQ(contents(zygote + "/cmdline").substr(0, 12), std::string("weir-zygote\0", 12));
  }(with));
}

TEST(worker_process, kill_returns_at_once_and_the_end_is_told_once) {
  channel with;
  int told = 0;
  worker_options options = with.options([](worker_context& c) {
    board_of(c).raise();
    for (;;) {}
  });
  options.on_exit = [&](const exit_report& r) {
    ++told;
    EXPECT_EQ(r.signal, SIGKILL);
    EXPECT_TRUE(r.killed);
    EXPECT_FALSE(r.lost);
  };
  run([](worker_options o, channel& c) -> task<void> {
    auto& host = process_host::current();
    auto worker = co_await host.start_worker(std::move(o));
    co_await until(c.shared());
    EXPECT_TRUE(worker.running());
    const auto before = std::chrono::steady_clock::now();
    worker.kill();
    const auto took = std::chrono::steady_clock::now() - before;
    testing::Test::RecordProperty("kill_call_us", static_cast<int>(took / 1us));
    worker.kill(); // once more does nothing
    EXPECT_EQ(host.counters().lingering, 1u);
    auto [first, second] = co_await gather(worker.ended(), worker.ended());
    EXPECT_EQ(first.signal, SIGKILL);
    EXPECT_EQ(second.signal, SIGKILL);
    EXPECT_FALSE(worker.running());
    EXPECT_EQ(host.counters().lingering, 0u);
    worker.kill();
    EXPECT_EQ((co_await worker.ended()).signal, SIGKILL) << "it is remembered";
  }(std::move(options), with));
  EXPECT_EQ(told, 1);
}

TEST(worker_process, a_worker_that_nobody_holds_is_killed_and_reaped_in_silence) {
  channel with;
  worker_options options = with.options([](worker_context& c) {
    board_of(c).raise();
    for (;;) std::puts("still here");
  });
  options.on_exit = [](const exit_report&) { ADD_FAILURE() << "told of a worker that was given away"; };
  run([](worker_options o, channel& c) -> task<void> {
    auto& host = process_host::current();
    pid_t pid = 0;
    {
      auto worker = co_await host.start_worker(std::move(o));
      co_await until(c.shared());
      pid = worker.pid();
    }
    for (int i = 0; host.counters().workers_ended == 0 && i < 20000; ++i) co_await sleep_for(1ms);
    EXPECT_EQ(host.counters().workers_ended, 1u);
    EXPECT_EQ(host.counters().lingering, 0u);
    EXPECT_EQ(state_of(pid), '\0') << "not even a zombie";
  }(std::move(options), with));
}

TEST(worker_process, a_start_that_is_cancelled_leaves_no_worker) {
  channel with;
  run([](channel& c) -> task<void> {
    auto& host = process_host::current();
    co_await host.prepare();
    for (int i = 0; i < 30; ++i) {
      auto start = host.start_worker(c.options([](worker_context& own) { board_of(own).wait(); }));
      bool late = false;
      try {
        auto worker = co_await with_timeout(std::chrono::microseconds(20 * i), std::move(start));
      } catch (const error& e) {
        late = e.code() == errc::timeout;
      }
      if (i == 0) {
        EXPECT_TRUE(late);
      }
    }
    const auto gone = [&] { return children_of(host.zygote_pid()).empty(); };
    const auto told = [&] { return host.counters().workers_started == host.counters().workers_ended; };
    for (int i = 0; !(gone() && told()) && i < 20000; ++i) co_await sleep_for(1ms);
    EXPECT_TRUE(gone());
    EXPECT_EQ(host.counters().workers_started, host.counters().workers_ended);
  }(with));
}

TEST(worker_process, what_a_job_started_dies_with_its_worker) {
  channel with;
  run([](channel& c) -> task<void> {
    auto worker = co_await process_host::current().start_worker(c.options([](worker_context& own) {
      board& b = board_of(own);
      const pid_t child = ::fork();
      if (child == 0)
        for (;;) ::pause();
      b.numbers[0] = child;
      b.raise();
      b.wait();
    }));
    co_await until(c.shared());
    const int grandchild = static_cast<int>(c.shared().numbers[0]);
    EXPECT_NE(state_of(grandchild), '\0');
    worker.kill();
    co_await worker.ended();
    const auto dead = [&] { return state_of(grandchild) == '\0' || state_of(grandchild) == 'Z'; };
    for (int i = 0; !dead() && i < 20000; ++i) co_await sleep_for(1ms);
    EXPECT_TRUE(dead());
  }(with));
}

TEST(worker_process, on_exit_may_destroy_the_worker) {
  channel with;
  std::optional<worker_process> worker;
  worker_options options = with.options([](worker_context& c) { board_of(c).wait(); });
  bool told = false;
  options.on_exit = [&](const exit_report& r) {
    worker.reset();
    told = r.exit_code == 0 && r.signal == 0;
  };
  run([](worker_options o, std::optional<worker_process>& w, channel& c) -> task<void> {
    w.emplace(co_await process_host::current().start_worker(std::move(o)));
    c.shared().release();
    for (int i = 0; w && i < 20000; ++i) co_await sleep_for(1ms);
  }(std::move(options), worker, with));
  EXPECT_TRUE(told);
}

TEST(worker_process, an_end_before_start_returns_is_told_after_it) {
  channel with;
  run([](channel& c) -> task<void> {
    for (int i = 0; i < 20; ++i) {
      bool told = false, has_worker = false;
      worker_options options = c.options([](worker_context&) { ::_exit(9); });
      options.on_exit = [&](const exit_report& r) {
        EXPECT_TRUE(has_worker);
        EXPECT_EQ(r.exit_code, 9);
        told = true;
      };
      auto worker = co_await process_host::current().start_worker(std::move(options));
      has_worker = true;
      for (int turn = 0; !told && turn < 20000; ++turn) co_await sleep_for(1ms);
      EXPECT_TRUE(told);
    }
  }(with));
}

TEST(worker_process, sandboxed_it_has_no_files_no_environment_and_no_capabilities) {
  if (!probe_sandbox().seccomp) GTEST_SKIP() << to_string(probe_sandbox());
  board seen;
  ::setenv("WEIR_TEST_SECRET", "s3cret", 1);
  const auto report = end_of(
      [](worker_context& c) {
        board& b = board_of(c);
        b.numbers[0] = ::open("/etc/hostname", O_RDONLY) < 0 ? errno : 0;
        b.numbers[1] = ::fork() < 0 ? errno : 0;
        b.numbers[2] = std::getenv("WEIR_TEST_SECRET") == nullptr;
        b.numbers[3] = c.sandboxed;
        b.numbers[4] = environ == nullptr || *environ == nullptr;
        set_process_title("decoding");
        std::puts("it may speak");
      },
      [](worker_options& o, board&) { o.sandbox = sandbox_options{.required = false}; }, &seen);
  ::unsetenv("WEIR_TEST_SECRET");
  ASSERT_EQ(report.exit_code, 0) << report.failure << report.last_output;
  ASSERT_EQ(report.signal, 0);
  EXPECT_NE(seen.numbers[0], 0);
  EXPECT_EQ(seen.numbers[1], EPERM);
  EXPECT_TRUE(seen.numbers[2]);
  EXPECT_TRUE(seen.numbers[3]);
  EXPECT_TRUE(seen.numbers[4]);
  EXPECT_EQ(report.last_output, "it may speak\n");
}

TEST(worker_process, sandboxed_it_dies_with_its_zygote_too) {
  channel with;
  run([](channel& c) -> task<void> {
    auto& host = process_host::current();
    worker_options options = c.options([](worker_context& own) {
      board_of(own).raise();
      for (;;) {}
    });
    options.sandbox = sandbox_options{.required = false};
    auto worker = co_await host.start_worker(std::move(options));
    co_await until(c.shared());
    const pid_t pid = worker.pid();
    ::kill(host.zygote_pid(), SIGKILL);
    const auto report = co_await worker.ended();
    EXPECT_TRUE(report.lost);
    EXPECT_FALSE(report.killed);
    EXPECT_EQ(report.signal, SIGKILL);
    const auto dead = [&] { return state_of(pid) == '\0' || state_of(pid) == 'Z'; };
    for (int i = 0; !dead() && i < 20000; ++i) co_await sleep_for(1ms);
    EXPECT_TRUE(dead());
  }(with));
}

TEST(worker_process, a_sandbox_that_cannot_be_made_is_told) {
  const auto report = end_of([](worker_context&) {},
                             [](worker_options& o, board&) {
                               o.sandbox = sandbox_options{.read_only_paths = {"/nowhere/at/all"}, .required = false};
                             });
  EXPECT_EQ(report.exit_code, 70);
  EXPECT_NE(report.failure.find("read_only_paths"), std::string::npos) << report.failure;
  channel with;
  run([](channel& c) -> task<void> {
    worker_options options = c.options([](worker_context&) {});
    options.sandbox = sandbox_options{.read_only_paths = {"relative"}, .required = false};
    try {
      auto worker = co_await process_host::current().start_worker(std::move(options));
      ADD_FAILURE() << "it started";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      EXPECT_NE(std::string(e.what()).find("\"relative\""), std::string::npos) << e.what();
    }
  }(with));
}

TEST(worker_process, its_limits_hold_without_a_sandbox) {
  board seen;
  const auto memory = end_of(
      [](worker_context& c) {
        try {
          std::vector<char> much(512 << 20, 1);
          asm volatile("" : : "r"(much.data()) : "memory"); // the compiler may not do without it
          board_of(c).numbers[0] = much[100];
        } catch (const std::bad_alloc&) {
          board_of(c).numbers[0] = 2;
        }
      },
      [](worker_options& o, board&) { o.memory_limit_bytes = 64 << 20; }, &seen);
  EXPECT_EQ(memory.signal, 0);
#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
  EXPECT_EQ(seen.numbers[0], 2) << "bad_alloc";
#endif
  const auto time = end_of(
      [](worker_context&) {
        for (;;) {}
      },
      [](worker_options& o, board&) { o.cpu_limit = 1s; });
  EXPECT_EQ(time.signal, SIGXCPU);
}

TEST(worker_process, what_cannot_work_is_refused_in_words) {
  const auto refusal = [](worker_options options) {
    return run([](worker_options o) -> task<std::string> {
      try {
        auto worker = co_await process_host::current().start_worker(std::move(o));
        co_return "it started";
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::invalid_argument) << e.what();
        co_return e.what();
      }
    }(std::move(options)));
  };
  const worker_main nothing = [](worker_context&) {};
  channel with, open(0);
  EXPECT_NE(refusal(open.options(nothing)).find("F_SEAL_SHRINK"), std::string::npos);
  EXPECT_NE(refusal(with.options(nullptr)).find("no function"), std::string::npos);
  worker_options beyond = with.options(nothing);
  beyond.slot_offset_bytes = channel_bytes - 64;
  EXPECT_NE(refusal(beyond).find("slot"), std::string::npos);
  worker_options closed = with.options(nothing);
  closed.fds.push_back(9999);
  EXPECT_NE(refusal(closed).find("not open"), std::string::npos);
  worker_options many = with.options(nothing);
  many.fds.resize(17, with.fd());
  EXPECT_NE(refusal(many).find("descriptors"), std::string::npos);
  many.fds.resize(16);
  many.entry = [](worker_context& c) { ::_exit(static_cast<int>(c.fds.size())); };
  EXPECT_EQ(end_of(many.entry, [&](worker_options& o, board&) { o.fds.resize(16, with.fd()); }).exit_code, 16);
}

// X13 of the list of what other pools fail.
TEST(worker_process, x13_a_thousand_restarts_leave_nothing_behind) {
  channel with;
  run([](channel& c) -> task<void> {
    auto& host = process_host::current();
    const auto round = [&](int i) -> task<void> {
      worker_options options = c.options([](worker_context&) { ::_exit(0); });
      if (i % 50 == 0) options.sandbox = sandbox_options{.required = false};
      auto worker = co_await host.start_worker(std::move(options));
      if (i % 3 == 0) worker.kill();
      if (i % 7 != 0) co_await worker.ended();
    };
    for (int i = 0; i < 100; ++i) co_await round(i);
    const auto settled = [&]() -> task<void> {
      for (int i = 0; host.counters().workers_ended != host.counters().workers_started && i < 20000; ++i)
        co_await sleep_for(1ms);
    };
    co_await settled();
    const auto fds = numbers_in("/proc/self/fd").size();
    const std::string zygote = "/proc/" + std::to_string(host.zygote_pid());
    const auto zygote_fds = numbers_in(zygote + "/fd").size();
    const long own = rss_kib(::getpid()), others = rss_kib(host.zygote_pid());
    const auto segments = numbers_in("/proc/sysvipc").size();
    for (int i = 0; i < 1000; ++i) co_await round(i);
    co_await settled();
    // What the last ones held is let go of in the turns that follow.
    for (int i = 0; i < 5000 && numbers_in("/proc/self/fd").size() > fds; ++i) co_await sleep_for(1ms);
    EXPECT_LE(numbers_in("/proc/self/fd").size(), fds);
    EXPECT_LE(numbers_in(zygote + "/fd").size(), zygote_fds);
    EXPECT_TRUE(children_of(host.zygote_pid()).empty());
    EXPECT_EQ(numbers_in("/proc/sysvipc").size(), segments);
#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
    EXPECT_LT(rss_kib(::getpid()) - own, 1024) << "KiB grown here";
    EXPECT_LT(rss_kib(host.zygote_pid()) - others, 512) << "KiB grown in the zygote";
#endif
    EXPECT_EQ(host.counters().zygotes_started, 1u);
    EXPECT_GE(host.counters().workers_started, 1100u);
  }(with));
}

TEST(worker_process, what_starting_costs) {
  channel with;
  run([](channel& c) -> task<void> {
    auto& host = process_host::current();
    const auto measure = [&](bool shut_in) -> task<std::chrono::microseconds> {
      c.shared() = {};
      worker_options options = c.options([](worker_context& own) {
        board_of(own).raise();
        board_of(own).wait();
      });
      if (shut_in) options.sandbox = sandbox_options{.required = false};
      const auto begin = std::chrono::steady_clock::now();
      auto worker = co_await host.start_worker(std::move(options));
      while (c.shared().raised() == 0) std::this_thread::yield();
      co_return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    };
    const auto cold = co_await measure(false);
    std::vector<std::chrono::microseconds> warm, sandboxed;
    for (int i = 0; i < 60; ++i) warm.push_back(co_await measure(false));
    for (int i = 0; i < 60; ++i) sandboxed.push_back(co_await measure(true));
    std::sort(warm.begin(), warm.end());
    std::sort(sandboxed.begin(), sandboxed.end());
    testing::Test::RecordProperty("cold_us", static_cast<int>(cold.count()));
    testing::Test::RecordProperty("warm_median_us", static_cast<int>(warm[30].count()));
    testing::Test::RecordProperty("sandboxed_median_us", static_cast<int>(sandboxed[30].count()));
    if (std::getenv("WEIR_TEST_FIGURES"))
      std::fprintf(stderr, "cold %ld us, warm %ld (best %ld) us, sandboxed %ld (best %ld) us\n", long(cold.count()),
                   long(warm[30].count()), long(warm[0].count()), long(sandboxed[30].count()),
                   long(sandboxed[0].count()));
    EXPECT_LT(warm[0], 200ms); // whatever else runs on the machine
  }(with));
}

} // namespace

#include "offload/process/channel.hpp"
#include "offload/process/role.hpp"

#include <weir/core/event.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <sstream>
#include <thread>

using namespace weir;
using namespace weir::detail;
using namespace weir::processes;
using namespace std::chrono_literals;

namespace {

/// A copy of the program (program.cpp) under a name that nothing else has, so that its processes can be told apart.
class copied_program {
 public:
  copied_program() {
    path_ = std::string(folder_) + "/program";
    put(OFFLOAD_PROCESS_PROGRAM);
  }
  copied_program(const copied_program&) = delete;
  copied_program& operator=(const copied_program&) = delete;
  ~copied_program() {
    for (const int pid : processes_of(path_)) ::kill(pid, SIGKILL); // only after a test has failed
    ::unlink(path_.c_str());
    ::rmdir(folder_);
  }

  /// Another file in its place, as a deployment does it.
  void put(const std::string& from) {
    const std::string next = path_ + ".next";
    std::ofstream(next, std::ios::binary) << std::ifstream(from, std::ios::binary).rdbuf();
    ::chmod(next.c_str(), 0755);
    ASSERT_EQ(::rename(next.c_str(), path_.c_str()), 0);
  }
  void remove() { ::unlink(path_.c_str()); }
  const std::string& path() const noexcept { return path_; }

 private:
  char folder_[27] = "/tmp/weir-zygotes-XXXXXX";
  std::string path_ = ::mkdtemp(folder_);
};

/// The program at work: what it says, line by line.
class running_program {
 public:
  /// `group_nice`: it gets a session, and so a scheduling group, of its own, of this niceness.
  running_program(const std::string& path, const char* what, const char* variable = nullptr, bool terminal = false,
                  const char* group_nice = nullptr) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    int master = -1;
    pid_ = terminal ? ::forkpty(&master, nullptr, nullptr, nullptr) : ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      if (variable) ::setenv(variable, "1", 1);
      if (group_nice) {
        ::setsid();
        std::ofstream("/proc/self/autogroup") << group_nice;
      }
      ::execl(path.c_str(), path.c_str(), what, nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
    terminal_.reset(master);
  }
  running_program(const running_program&) = delete;
  running_program& operator=(const running_program&) = delete;
  ~running_program() {
    if (!ended_) {
      kill();
      wait();
    }
  }

  void kill() const { ::kill(pid_, SIGKILL); }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return status;
  }
  void tell(const std::string& line) { ASSERT_GT(::write(in_.get(), (line + "\n").c_str(), line.size() + 1), 0); }
  void type(const std::string& keys) { ASSERT_GT(::write(terminal_.get(), keys.data(), keys.size()), 0); }
  /// The next line; empty at the end, or after a minute.
  std::string line() {
    std::string text;
    for (char letter;;) {
      pollfd waiting{out_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 60'000) <= 0 || ::read(out_.get(), &letter, 1) != 1 || letter == '\n') return text;
      text += letter;
    }
  }
  pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = 0;
  bool ended_ = false;
  unique_fd in_, out_, terminal_;
};

/// How many milliseconds until no process of `path` is left; -1 where that did not happen.
long until_none(const std::string& path, int except = 0) {
  const auto begin = std::chrono::steady_clock::now();
  const bool gone = soon([&] {
    auto left = processes_of(path);
    std::erase(left, except);
    return left.empty();
  });
  return gone ? static_cast<long>((std::chrono::steady_clock::now() - begin) / 1ms) : -1;
}

/// How many milliseconds until the last of these processes has ended after `strike`; -1 where one does not.
long until_ended(const std::vector<int>& pids, const std::function<void()>& strike) {
  std::vector<unique_fd> open;
  for (const int pid : pids) open.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const auto begin = std::chrono::steady_clock::now();
  strike();
  for (const auto& pidfd : open) {
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, 20'000) <= 0) return -1;
  }
  return static_cast<long>((std::chrono::steady_clock::now() - begin) / 1ms);
}

int rounds() {
  const char* wanted = std::getenv("WEIR_TEST_KILL_ROUNDS");
  return wanted ? std::atoi(wanted) : 20;
}

std::vector<int> shared_segments() {
  std::vector<int> all = numbers_in("/dev/shm");
  struct stat folder{};
  ::stat("/dev/shm", &folder);
  all.push_back(static_cast<int>(folder.st_nlink));
  return all;
}

// X7 of the list of what other pools fail.
TEST(zygote, x7_no_worker_of_the_pool_survives_a_killed_parent) {
  const copied_program program;
  const int count = std::getenv("WEIR_LONG_TESTS") ? 200 : rounds();
  long longest = 0;
  for (int round = 0; round < count; ++round) {
    running_program running(program.path(), "pool");
    ASSERT_EQ(running.line(), "at work");
    std::this_thread::sleep_for(std::chrono::microseconds(round * 7919 % 60'000)); // while more workers start
    const long took = until_ended(processes_of(program.path()), [&] { running.kill(); });
    ASSERT_GE(took, 0);
    ASSERT_GE(until_none(program.path()), 0); // what was forked meanwhile
    longest = std::max(longest, took);
  }
  RecordProperty("longest_ms", static_cast<int>(longest));
  EXPECT_LT(longest, 2000) << "milliseconds, on a machine with nothing else to do below 200";
}

TEST(zygote, x7_nothing_survives_a_killed_parent_at_work) {
  copied_program program;
  const auto segments = shared_segments();
  long longest = 0;
  for (int round = 0; round < rounds(); ++round) {
    running_program running(program.path(), "hold");
    const std::string line = running.line();
    ASSERT_EQ(line.substr(0, 7), "zygote ") << line;
    const std::vector<int> all = processes_of(program.path());
    ASSERT_EQ(all.size(), 6u) << "the program, its zygote and four workers";
    const long took = until_ended(all, [&] { running.kill(); });
    ASSERT_GE(took, 0);
    ASSERT_GE(until_none(program.path()), 0);
    longest = std::max(longest, took);
  }
  RecordProperty("longest_ms", static_cast<int>(longest));
  if (std::getenv("WEIR_TEST_FIGURES")) std::fprintf(stderr, "gone after at most %ld ms\n", longest);
  EXPECT_LT(longest, 5000) << "200 on a machine with nothing else to do";
  EXPECT_EQ(shared_segments(), segments);
}

TEST(zygote, x7_nothing_survives_a_parent_that_is_killed_at_any_moment_of_a_start) {
  copied_program program;
  long longest = 0;
  for (int round = 0; round < rounds(); ++round) {
    running_program running(program.path(), "churn");
    if (round % 2 == 0) {
      ASSERT_EQ(running.line(), "churning");
    }
    ::usleep(static_cast<unsigned>(round) * 997 % 20'000);
    running.kill();
    const long took = until_none(program.path());
    ASSERT_GE(took, 0) << "round " << round;
    longest = std::max(longest, took);
  }
  RecordProperty("longest_ms", static_cast<int>(longest));
  if (std::getenv("WEIR_TEST_FIGURES")) std::fprintf(stderr, "gone after at most %ld ms\n", longest);
}

TEST(zygote, x7_a_process_that_the_parent_forked_does_not_keep_workers_alive) {
  copied_program program;
  running_program running(program.path(), "hold-forked");
  int child = 0;
  ASSERT_EQ(std::sscanf(running.line().c_str(), "child %d", &child), 1);
  ASSERT_EQ(running.line().substr(0, 7), "zygote ");
  ASSERT_EQ(processes_of(program.path()).size(), 7u);
  running.kill();
  EXPECT_GE(until_none(program.path(), child), 0) << "it holds copies of the parent's descriptors";
  EXPECT_NE(state_of(child), '\0') << "else this test shows nothing";
  ::kill(child, SIGKILL);
}

TEST(zygote, when_it_dies_its_workers_die_though_the_parent_does_nothing) {
  copied_program program;
  running_program running(program.path(), "hold");
  ASSERT_EQ(running.line().substr(0, 7), "zygote ");
  std::vector<int> others = processes_of(program.path());
  std::erase(others, running.pid());
  ASSERT_EQ(others.size(), 5u);
  const auto zygote = std::find_if(others.begin(), others.end(), [](int pid) { return !children_of(pid).empty(); });
  ASSERT_NE(zygote, others.end());
  ::kill(running.pid(), SIGSTOP);
  EXPECT_GE(until_ended(others, [&] { ::kill(*zygote, SIGKILL); }), 0);
}

TEST(zygote, x8_control_c_and_signals_to_all_leave_zygote_and_workers_quiet) {
  copied_program program;
  running_program running(program.path(), "hold", nullptr, true);
  std::istringstream line(running.line());
  std::string word;
  std::vector<int> others;
  line >> word;
  for (int pid; line >> pid;) others.push_back(pid);
  ASSERT_EQ(others.size(), 5u);
  for (const int pid : others) {
    EXPECT_NE(::getsid(pid), ::getsid(running.pid()));
    // As service managers do it: to every process.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE}) ::kill(pid, number);
  }
  ::kill(running.pid(), SIGSTOP); // so that it does not end its workers: whatever ends was ended by the key
  running.type("\x03");
  ::usleep(100'000);
  for (const int pid : others) EXPECT_NE(std::string("RS").find(state_of(pid)), std::string::npos) << state_of(pid);
  ::kill(running.pid(), SIGCONT);
  running.wait();
  EXPECT_GE(until_none(program.path()), 0) << "the program itself obeyed the key";
}

TEST(zygote, its_scheduling_group_is_nicer_than_the_programs) {
  if (::access("/proc/self/autogroup", W_OK) != 0 || ::geteuid() != 0)
    GTEST_SKIP() << "no such groups, or only one of them may be set in a tenth of a second";
  copied_program program;
  running_program running(program.path(), "hold", nullptr, false, "3");
  std::istringstream line(running.line());
  std::string word, zygote;
  ASSERT_TRUE(line >> word >> zygote);
  EXPECT_TRUE(contents("/proc/" + std::to_string(running.pid()) + "/autogroup").ends_with("nice 3\n"));
  EXPECT_TRUE(contents("/proc/" + zygote + "/autogroup").ends_with("nice 8\n"))
      << contents("/proc/" + zygote + "/autogroup");
}

// X14: which file lies at the program's path does not matter once it runs.
TEST(zygote, x14_a_replaced_or_deleted_binary_still_starts_the_old_image) {
  copied_program program;
  for (const char* how : {"replaced", "deleted"}) {
    program.put(OFFLOAD_PROCESS_PROGRAM);
    running_program before(program.path(), "answer"), kept(program.path(), "answer-kept");
    ASSERT_EQ(before.line(), "ready");
    ASSERT_EQ(kept.line(), "ready");
    EXPECT_EQ(kept.line(), "from the old image");
    if (std::string_view(how) == "replaced")
      program.put("/bin/true");
    else
      program.remove();
    before.tell("go");
    EXPECT_EQ(before.line(), "from the old image") << how << " before the first worker";
    before.tell("again");
    EXPECT_EQ(before.line(), "from the old image") << how;
    kept.tell("go");
    EXPECT_EQ(kept.line(), "from the old image") << how << " after the first worker";
    EXPECT_EQ(kept.line(), "from the old image") << how << ", by a new zygote";
  }
}

TEST(zygote, x15_threads_and_descriptors_of_the_parent_do_no_harm) {
  std::vector<std::jthread> threads;
  std::mutex held;
  const std::lock_guard lock(held);
  for (int i = 0; i < 40; ++i)
    threads.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ::free(::malloc(100)); // a lock that a fork would copy in whatever state it is
        std::this_thread::sleep_for(1ms);
      }
    });
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  rlimit more = limit;
  more.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &more);
  std::vector<unique_fd> open;
  for (int i = 0; i < 1000; ++i) open.emplace_back(::open("/dev/null", O_RDONLY)); // not even close-on-exec
  ASSERT_TRUE(open.back());
  channel with;
  run([](channel& c) -> task<void> {
    for (int i = 0; i < 20; ++i) {
      c.shared() = {};
      auto worker = co_await process_host::current().start_worker(c.options([](worker_context& own) {
        board_of(own).numbers[0] = static_cast<std::int64_t>(numbers_in("/proc/self/fd").size()) - 1;
        std::vector<char> memory(1 << 20, 1); // nobody holds the allocator's locks
        board_of(own).numbers[1] = memory[77];
      }));
      const auto report = co_await worker.ended();
      EXPECT_EQ(report.exit_code, 0);
      EXPECT_EQ(report.signal, 0);
      EXPECT_EQ(c.shared().numbers[0], 4);
      EXPECT_EQ(c.shared().numbers[1], 1);
    }
    const std::string zygote = "/proc/" + std::to_string(process_host::current().zygote_pid()) + "/fd";
    EXPECT_LT(numbers_in(zygote).size(), 12u);
  }(with));
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(zygote, when_it_dies_its_workers_die_and_the_next_start_makes_a_new_one) {
  channel with, again;
  run([](channel& c, channel& d) -> task<void> {
    auto& host = process_host::current();
    auto worker = co_await host.start_worker(c.options([](worker_context& own) {
      board_of(own).raise();
      for (;;) {}
    }));
    const pid_t first = host.zygote_pid(), pid = worker.pid();
    ::kill(first, SIGKILL);
    const auto report = co_await worker.ended();
    EXPECT_TRUE(report.lost);
    EXPECT_EQ(report.signal, SIGKILL);
    const auto dead = [&] { return state_of(pid) == '\0' || state_of(pid) == 'Z'; };
    for (int i = 0; !dead() && i < 20000; ++i) co_await sleep_for(1ms);
    EXPECT_TRUE(dead());
    auto next = co_await host.start_worker(d.options([](worker_context&) { ::_exit(4); }));
    EXPECT_EQ((co_await next.ended()).exit_code, 4);
    EXPECT_NE(host.zygote_pid(), first);
    EXPECT_EQ(host.counters().zygotes_started, 2u);
    EXPECT_EQ(state_of(first), '\0') << "no zombie";
  }(with, again));
}

TEST(zygote, killed_just_before_a_start_the_caller_notices_nothing) {
  channel with;
  run([](channel& c) -> task<void> {
    auto& host = process_host::current();
    for (int i = 0; i < 10; ++i) {
      co_await host.prepare();
      ::kill(host.zygote_pid(), SIGKILL);
      if (i % 2) ::usleep(2000);
      auto worker = co_await host.start_worker(c.options([](worker_context&) { ::_exit(6); }));
      const auto report = co_await worker.ended();
      EXPECT_TRUE(report.lost || report.exit_code == 6);
    }
  }(with));
}

TEST(zygote, closed_or_with_the_loops_end_it_is_gone) {
  pid_t zygote = 0, worker_pid = 0;
  channel with;
  run([&]() -> task<void> {
    auto& host = process_host::current();
    auto worker = co_await host.start_worker(with.options([](worker_context&) {
      for (;;) {}
    }));
    zygote = host.zygote_pid();
    co_await host.close();
    EXPECT_EQ(host.zygote_pid(), 0);
    EXPECT_EQ(state_of(zygote), '\0');
    EXPECT_EQ(state_of(worker.pid()), '\0');
    EXPECT_EQ((co_await worker.ended()).signal, SIGKILL);
    auto next = co_await host.start_worker(with.options([](worker_context&) {
      for (;;) {}
    }));
    zygote = host.zygote_pid();
    worker_pid = next.pid();
  }());
  const auto gone = [](int pid) { return state_of(pid) == '\0' || state_of(pid) == 'Z'; };
  EXPECT_TRUE(soon([&] { return gone(zygote) && gone(worker_pid); }));
  run([]() -> task<void> {
    co_await process_host::current().prepare(); // looks after what the loop before left
    co_await process_host::current().close();
  }());
  EXPECT_EQ(state_of(zygote), '\0');
}

TEST(zygote, idle_workers_do_not_hide_a_deadlock) {
  channel with;
  const auto wait_for_ever = [](channel& c) -> task<void> {
    auto worker =
        co_await process_host::current().start_worker(c.options([](worker_context& own) { board_of(own).wait(); }));
    event never;
    co_await never.wait();
  };
  try {
    run(wait_for_ever(with), run_options{.deadlock = on_deadlock::fail});
    ADD_FAILURE() << "it came to an end";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::deadlock) << e.what();
  }
}

TEST(zygote, the_role_is_refused_to_who_asks_for_it_by_hand) {
  const auto run_role = [](int at_three, const std::string& parent) {
    int out[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (at_three >= 0) ::dup2(at_three, 3);
      if (at_three < 0) ::close(3);
      ::dup2(out[1], 2);
      ::execl(OFFLOAD_PROCESS_PROGRAM, "program", role_marker, parent.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    std::string said;
    for (char letter; ::read(out[0], &letter, 1) == 1;) said += letter;
    ::close(out[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
    return said;
  };
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  const unique_fd one(pair[0]), two(pair[1]), file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string own = std::to_string(::getpid());
  EXPECT_NE(run_role(-1, own).find("not meant to be given by hand"), std::string::npos);
  EXPECT_NE(run_role(file.get(), own).find("not meant to be given by hand"), std::string::npos);
  EXPECT_NE(run_role(two.get(), "1").find("another process"), std::string::npos);
  EXPECT_NE(run_role(two.get(), "").find("another process"), std::string::npos);
  const pid_t between = ::fork(); // whose child is not this process's
  if (between == 0) {
    const bool refused = run_role(two.get(), own).find("did not start this one") != std::string::npos;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ::waitpid(between, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(zygote, what_stands_in_the_way_is_said_in_words) {
  {
    running_program early(OFFLOAD_PROCESS_PROGRAM, "error", "WEIR_TEST_EARLY_THREAD");
    const std::string line = early.line();
    EXPECT_EQ(line.substr(0, 13), "unsupported: ") << line;
    EXPECT_NE(line.find("static initialiser"), std::string::npos) << line;
  }
  {
    running_program blind(OFFLOAD_PROCESS_PROGRAM, "no-proc");
    const std::string line = blind.line();
    if (line != "cannot be hidden here") {
      EXPECT_EQ(line.substr(0, 13), "unavailable: ") << line;
      EXPECT_NE(line.find("mount -t proc"), std::string::npos) << line;
    }
  }
  {
    running_program blinded(OFFLOAD_PROCESS_PROGRAM, "late-no-proc");
    EXPECT_EQ(blinded.line(), "from the old image");
    const std::string line = blinded.line();
    if (line != "cannot be hidden here") {
      EXPECT_EQ(line.substr(0, 13), "unavailable: ") << line;
      EXPECT_NE(line.find("/proc"), std::string::npos) << line;
    }
  }
  role_hook_ran = false; // as in a program that was linked without it
  channel with;
  run([](channel& c) -> task<void> {
    try {
      auto worker = co_await process_host::current().start_worker(c.options([](worker_context&) {}));
      ADD_FAILURE() << "it started";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::unsupported);
      EXPECT_NE(std::string(e.what()).find("--wrap=main"), std::string::npos) << e.what();
    }
  }(with));
  role_hook_ran = true;
}

} // namespace

// A program with workers for zygote_test.cpp to treat badly. Its first argument says what it does; it talks to the test
// line by line over its streams.
#include "offload/process/channel.hpp"

#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/offload/processpool.hpp>

#include <sched.h>
#include <sys/mount.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <iostream>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::detail;
using namespace weir::processes;
using namespace std::chrono_literals;

namespace {

/// Starts a thread before main, where the test wants that.
[[maybe_unused]] const bool threaded_start = [] {
  const bool wanted = std::getenv("WEIR_TEST_EARLY_THREAD") != nullptr;
  if (wanted) std::thread([] { std::this_thread::sleep_for(60s); }).detach();
  return wanted;
}();

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void spin(worker_context& c) {
  board_of(c).raise();
  for (;;) {}
}

void answer(worker_context& c) {
  board_of(c).put("from the old image");
  board_of(c).raise();
}

task<void> start(std::deque<channel>& channels, std::deque<worker_process>& workers, bool shut_in) {
  worker_options options = channels.emplace_back().options(spin);
  if (shut_in) options.sandbox = sandbox_options{.required = false};
  workers.push_back(co_await process_host::current().start_worker(std::move(options)));
}

/// Four busy workers, two of them in a sandbox; then it waits for its death.
task<void> hold() {
  std::deque<channel> channels;
  std::deque<worker_process> workers;
  for (int i = 0; i < 4; ++i) co_await start(channels, workers, i % 2 == 1);
  std::string line = "zygote " + std::to_string(process_host::current().zygote_pid());
  for (const auto& worker : workers) line += " " + std::to_string(worker.pid());
  say(line);
  for (;;) co_await sleep_for(1h);
}

/// Starts workers, and zygotes, as fast as it can.
task<void> churn() {
  auto& host = process_host::current();
  for (int i = 0;; ++i) {
    std::deque<channel> channels;
    std::deque<worker_process> workers;
    for (int n = 0; n < 3; ++n) co_await start(channels, workers, n == 2);
    if (i == 0) say("churning");
    if (i % 4 == 3) co_await host.close();
  }
}

int work(int length) {
  volatile int sum = 0;
  for (int i = 0; i < length * 1000; ++i) sum = sum + i;
  return sum;
}

/// Four workers of the pool, busy with functions that end and one that does not.
task<void> pool() {
  configure_process_pool({.max_workers = 4});
  co_await run_in_processpool(work, 1);
  say("at work");
  co_await with_task_group([](task_group& group) -> task<void> {
    group.spawn([]() -> task<void> {
      co_await run_in_processpool([] {
        for (volatile int i = 0;; i = i + 1) {}
      });
    });
    for (int i = 0; i < 6; ++i)
      group.spawn([i]() -> task<void> {
        for (;;) co_await run_in_processpool(work, i * 100);
      });
    co_return;
  });
}

task<void> one_answer() {
  channel with;
  auto worker = co_await process_host::current().start_worker(with.options(answer));
  const auto report = co_await worker.ended();
  say(with.shared().text[0] ? with.shared().text : "exit " + std::to_string(report.exit_code));
}

task<void> one_error() {
  channel with;
  try {
    auto worker = co_await process_host::current().start_worker(with.options(answer));
    say("it started");
  } catch (const error& e) {
    say(std::string(to_string(e.code())) + ": " + e.what());
  }
}

/// Before there are threads: namespaces are theirs, one by one.
bool own_mounts() {
  return (::unshare(CLONE_NEWNS) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

void hide_proc(bool can) {
  if (!can || ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) say("cannot be hidden here");
}

} // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "hold") {
    run(hold());
  } else if (what == "hold-forked") {
    // A child without exec: it keeps copies of every descriptor that is open when it is made.
    run([]() -> task<void> {
      co_await process_host::current().prepare();
      const pid_t child = ::fork();
      if (child == 0) {
        ::close(1);
        for (;;) ::pause();
      }
      say("child " + std::to_string(child));
      co_await hold();
    }());
  } else if (what == "pool") {
    run(pool());
  } else if (what == "churn") {
    run(churn());
  } else if (what == "answer") {
    say("ready");
    std::string line;
    while (std::getline(std::cin, line)) run(one_answer());
  } else if (what == "answer-kept") { // the zygote is there before the file is replaced, and once more after
    say("ready");
    run([]() -> task<void> {
      co_await one_answer();
      std::string line;
      std::getline(std::cin, line);
      co_await one_answer();
      co_await process_host::current().close();
      co_await one_answer();
    }());
  } else if (what == "error") {
    run(one_error());
  } else if (what == "no-proc") {
    hide_proc(own_mounts());
    run(one_error());
  } else if (what == "late-no-proc") {
    const bool can = own_mounts();
    run(one_answer());
    hide_proc(can);
    run(one_error());
  } else {
    say("main");
  }
}

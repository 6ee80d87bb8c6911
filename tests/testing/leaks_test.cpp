#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/testing/leaks.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

using namespace std::chrono_literals;

namespace {

using weir::testing::leak_check;

std::string only(const std::vector<std::string>& leaks) {
  EXPECT_EQ(leaks.size(), 1u);
  return leaks.empty() ? std::string() : leaks.front();
}

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// Not inlined: the compiler may keep the frame of a coroutine that it sees through in the frame of the caller.
[[gnu::noinline]] weir::task<int> one() { co_return 1; }

TEST(leaks, a_whole_run_leaves_nothing) {
  const leak_check check;
  weir::run([]() -> weir::task<void> {
    const int three = co_await weir::run_in_threadpool([] { return 3; });
    EXPECT_EQ(three, 3);
    co_await weir::sleep_for(1ms);
  }());
  EXPECT_EQ(check.leaks(), std::vector<std::string>());
}

TEST(leaks, names_a_file) {
  const leak_check check({.patience = 0ms});
  const weir::unique_fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file);
  const std::string leak = only(check.leaks());
  EXPECT_TRUE(contains(leak, "descriptor " + std::to_string(file.get()) + ": /proc/")) << leak;
  EXPECT_TRUE(contains(leak, "/status")) << leak;
}

TEST(leaks, names_the_address_of_a_socket) {
  const leak_check check({.patience = 0ms});
  const weir::unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string leak = only(check.leaks());
  EXPECT_TRUE(contains(leak, " on 127.0.0.1:" + std::to_string(ntohs(address.sin_port)))) << leak;
}

TEST(leaks, sees_a_descriptor_that_has_become_another) {
  weir::unique_fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const leak_check check({.patience = 0ms});
  const weir::unique_fd other(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(other.get(), file.get()), file.get());
  EXPECT_EQ(check.leaks().size(), 2u);
}

TEST(leaks, counts_tasks_that_nobody_awaited) {
  const leak_check check({.patience = 0ms});
  {
    const auto kept = one();
    EXPECT_TRUE(contains(only(check.leaks()), "1 task:"));
    const auto another = one();
    EXPECT_TRUE(contains(only(check.leaks()), "2 tasks:"));
  }
  EXPECT_TRUE(check.leaks().empty());
}

TEST(leaks, names_a_thread) {
  const leak_check check({.patience = 50ms});
  std::atomic<bool> named = false, stop = false;
  std::thread forgotten([&] {
    ::pthread_setname_np(::pthread_self(), "forgotten");
    named = true;
    while (!stop) std::this_thread::sleep_for(1ms);
  });
  while (!named) std::this_thread::sleep_for(1ms);
  const std::string leak = only(check.leaks());
  EXPECT_TRUE(contains(leak, "thread 'forgotten'")) << leak;
  stop = true;
  forgotten.join();
  EXPECT_TRUE(check.leaks().empty());
}

TEST(leaks, waits_for_what_is_on_its_way_out) {
  const leak_check check({.patience = 30s});
  std::thread([] { std::this_thread::sleep_for(50ms); }).detach();
  EXPECT_EQ(check.leaks(), std::vector<std::string>());
}

TEST(leaks, ignores_what_it_is_told_to) {
  const leak_check check({.patience = 0ms, .ignore = [](std::string_view what) {
                            return what.find("/dev/null") != std::string_view::npos;
                          }});
  const weir::unique_fd quiet(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(check.leaks().empty());
  const weir::unique_fd loud(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(contains(only(check.leaks()), "/dev/zero"));
}

} // namespace

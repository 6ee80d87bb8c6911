#include "http/resumable_fixture.hpp"

#include <weir/core/event.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char** environ;

// Downloads that are killed, cancelled, run out of room, or meet each other.
namespace weir::test::resumable {
namespace {

// This program, started again with a URL in its environment, is a downloader and runs no test.
class downloader_role : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* url = std::getenv("WEIR_TEST_DOWNLOAD_URL");
    const char* where = std::getenv("WEIR_TEST_DOWNLOAD_FOLDER");
    if (!url || !where) return;
    try {
      weir::run([](files::root in, std::string from) -> task<void> {
        client web(quick());
        co_await fetch_with(web, in, {.url = from});
      }(files::root::open(where), url));
      ::_exit(0);
    } catch (const std::exception& e) {
      ::dprintf(2, "downloader: %s\n", e.what());
    }
    ::_exit(1);
  }
};
[[maybe_unused]] ::testing::Environment* const role = ::testing::AddGlobalTestEnvironment(new downloader_role);

class downloader {
 public:
  downloader(const folder& in, const std::string& url) {
    const std::string from = "WEIR_TEST_DOWNLOAD_URL=" + url;
    const std::string where = "WEIR_TEST_DOWNLOAD_FOLDER=" + in.path().string();
    std::vector<char*> variables;
    for (char** v = environ; *v; ++v) variables.push_back(*v);
    variables.push_back(const_cast<char*>(from.c_str()));
    variables.push_back(const_cast<char*>(where.c_str()));
    variables.push_back(nullptr);
    const char* arguments[] = {"downloader", nullptr};
    posix_spawn_file_actions_t quiet;
    ::posix_spawn_file_actions_init(&quiet);
    ::posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    if (::posix_spawn(&pid_, "/proc/self/exe", &quiet, nullptr, const_cast<char**>(arguments), variables.data()) != 0)
      pid_ = -1;
    ::posix_spawn_file_actions_destroy(&quiet);
  }
  ~downloader() {
    if (pid_ > 0) kill();
  }
  /// Returns its wait status.
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  int wait() {
    int status = -1;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }
  bool started() const { return pid_ > 0; }

 private:
  pid_t pid_ = -1;
};

bool wait_until(const std::function<bool()>& holds) {
  for (int i = 0; i < 3000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

} // namespace

TEST(resumable_download, survives_kill_9) {
  const std::string content = pattern(12'000'000);
  const folder in;
  ranged_server s(content);
  s.slow_down(1);
  std::uint64_t before = 0;
  for (int round = 0; round < 3; ++round) {
    downloader child(in, s.url());
    ASSERT_TRUE(child.started());
    ASSERT_TRUE(wait_until([&] { return in.part_bytes().value_or(0) > before + 2'000'000; }));
    const int status = child.kill();
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_TRUE(in.shown().empty());
    before = in.part_bytes().value_or(0);
  }
  s.slow_down(0);
  const auto got = fetch(in, {.url = s.url()});
  expect_whole(in, got, content);
  EXPECT_GT(got.download.resumed_from, 2'000'000u); // the points are a second or 4 MB apart
  EXPECT_EQ(header_of(s.heads().back(), "Range"), "bytes=" + std::to_string(got.download.resumed_from) + "-");
}

TEST(resumable_download, a_killed_process_is_gone_on_with_by_another) {
  const std::string content = pattern(6'000'000);
  const folder in;
  ranged_server s(content);
  s.stall_after(5'000'000);
  downloader first(in, s.url());
  ASSERT_TRUE(wait_until([&] { return in.part_bytes().value_or(0) >= 4'900'000; }));
  // While it lives nobody else writes there.
  const failed f = fetch_failure(in, {.url = s.url()});
  EXPECT_EQ(f.code, errc::already_exists);
  EXPECT_NE(f.text.find("'clip.mp4' is being downloaded by another process"), std::string::npos) << f.text;
  EXPECT_EQ(s.heads().size(), 1u); // and nothing was asked
  first.kill();
  s.stall_after(-1);
  downloader second(in, s.url());
  const int status = second.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(in.content(), content);
  EXPECT_TRUE(in.hidden().empty());
  EXPECT_NE(s.last_range(), "");
}

TEST(resumable_download, a_cancelled_one_is_gone_on_with) {
  const std::string content = pattern(8'000'000);
  const folder in;
  ranged_server s(content);
  s.slow_down(1);
  weir::run([](const folder& where, ranged_server& server) -> task<void> {
    client web(quick());
    weir::event far;
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        order o{.url = server.url()};
        o.download.on_progress = [&](std::uint64_t done, std::uint64_t) {
          if (done > 1'000'000) far.set();
        };
        co_await fetch_with(web, where.open(), o);
        ADD_FAILURE() << "it was not cancelled";
      });
      co_await far.wait();
      group.cancel();
    });
    EXPECT_EQ(web.pool().stats().open_connections, 0u);
    EXPECT_TRUE(where.shown().empty());
    server.slow_down(0);
    // At once: the first one has let go of it.
    const auto got = co_await fetch_with(web, where.open(), {.url = server.url()});
    EXPECT_GT(got.download.resumed_from, 1'000'000u);
  }(in, s));
  EXPECT_EQ(in.content(), content);
  EXPECT_TRUE(in.hidden().empty());
}

TEST(resumable_download, two_at_once_in_one_process) {
  const std::string content = pattern(4'000'000);
  const folder in;
  ranged_server s(content);
  s.stall_after(1'000'000);
  weir::run([](const folder& where, ranged_server& server) -> task<void> {
    client web(quick());
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      weir::event begun;
      group.spawn([&]() -> task<void> {
        order o{.url = server.url()};
        o.download.on_progress = [&](std::uint64_t, std::uint64_t) { begun.set(); };
        co_await fetch_with(web, where.open(), o);
      });
      co_await begun.wait();
      try {
        co_await fetch_with(web, where.open(), {.url = server.url()});
        ADD_FAILURE();
      } catch (const weir::error& e) {
        EXPECT_EQ(e.code(), errc::already_exists) << e.what();
      }
      // Another name is another file.
      server.stall_after(-1);
      EXPECT_EQ((co_await fetch_with(web, where.open(), {.url = server.url(), .name = "b.mp4"})).file.name, "b.mp4");
      group.cancel();
    });
  }(in, s));
}

TEST(resumable_download, where_no_more_may_be_written_it_keeps_what_it_has) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{500'000, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const failed f = fetch_failure(in, {.url = s.url()});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(f.code, errc::too_large) << f.text;
  const std::uint64_t kept = in.part_bytes().value_or(0);
  EXPECT_GE(kept, 300'000u);
  const auto got = fetch(in, {.url = s.url()});
  expect_whole(in, got, content);
  EXPECT_EQ(got.download.resumed_from, kept);
}

} // namespace weir::test::resumable

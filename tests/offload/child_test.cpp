#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/child.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

using namespace std::chrono_literals;
using namespace weir;

namespace {

child_options shell(std::string script) { return child_options{.argv = {"sh", "-c", std::move(script)}}; }

TEST(run_child, gives_output_exit_code_and_signal) {
  std::string out;
  auto options = shell("cat; echo err >&2; exit 3");
  options.stdin_data = std::string(300'000, 'a');
  options.on_stdout = [&](std::string_view piece) { out += piece; };
  const auto result = run(run_child(std::move(options)));
  EXPECT_EQ(out.size(), 300'000u);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.stderr_tail, "err\n");
  EXPECT_EQ(run(run_child(shell("kill -9 $$"))).signal, SIGKILL);
}

TEST(run_child, a_missing_program_says_so) {
  try {
    run(run_child({.argv = {"weir-no-such-program"}}));
    FAIL() << "no error";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::not_configured);
    EXPECT_NE(std::string(e.what()).find("weir-no-such-program was not found"), std::string::npos);
  }
}

TEST(run_child, cancellation_ends_the_whole_group) {
  std::string out;
  auto options = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000");
  options.on_stdout = [&](std::string_view piece) { out += piece; };
  options.grace = 50ms;
  EXPECT_THROW(run(with_timeout(300ms, run_child(std::move(options)))), error);
  const pid_t grandchild = std::atoi(out.c_str());
  ASSERT_GT(grandchild, 1);
  for (int i = 0; i < 200 && ::kill(grandchild, 0) == 0; ++i) {
    char path[64], state[256] = {};
    std::snprintf(path, sizeof path, "/proc/%d/stat", grandchild);
    if (FILE* f = std::fopen(path, "r")) {
      if (!std::fgets(state, sizeof state, f)) state[0] = 0;
      std::fclose(f);
      if (std::string_view(state).find(") Z ") != std::string_view::npos) break; // dead, waiting for init
    }
    ::usleep(10'000);
    ASSERT_LT(i, 199) << "the grandchild lives";
  }
}

TEST(run_child, ends_with_its_leader_though_a_grandchild_holds_the_pipe) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(run(run_child(shell("sleep 100 & exit 0"))).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(run_child, inherits_only_what_it_is_given) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int kept = ::fcntl(null, F_DUPFD_CLOEXEC, 100), other = ::fcntl(null, F_DUPFD_CLOEXEC, 110);
  ::close(null);
  const auto path = [](int fd) { return "/proc/$$/fd/" + std::to_string(fd); };
  auto options = shell("test -e " + path(kept) + " && echo kept; test -e " + path(other) + " && echo leaked; true");
  std::string out;
  options.on_stdout = [&](std::string_view piece) { out += piece; };
  options.keep_fds = {kept};
  run(run_child(std::move(options)));
  EXPECT_EQ(out, "kept\n");
  ::close(kept);
  ::close(other);
}

TEST(run_child, environment_is_changed_for_it_alone) {
  std::string out;
  auto options = shell("printf %s \"$WEIR_CHILD_TEST\"");
  options.environment = {"WEIR_CHILD_TEST=yes"};
  options.on_stdout = [&](std::string_view piece) { out += piece; };
  run(run_child(std::move(options)));
  EXPECT_EQ(out, "yes");
  EXPECT_EQ(std::getenv("WEIR_CHILD_TEST"), nullptr);
}

} // namespace

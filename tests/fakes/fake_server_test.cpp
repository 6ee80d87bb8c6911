#include "fakes/fake_server.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

namespace {

using weir::fakes::fake_openai;

TEST(fake_server, starts_answers_and_ends) {
  int pid = 0;
  {
    fake_openai fake({"--video-ms", "0"});
    pid = fake.pid();
    EXPECT_EQ(fake.base_url(), "http://127.0.0.1:" + std::to_string(fake.port()) + "/v1");
    EXPECT_EQ(fake.origin() + "/v1", fake.base_url());
    EXPECT_NE(fake.journal().find(R"("requests":[])"), std::string::npos) << fake.journal();
    EXPECT_NE(fake.bought().find(R"("total":0)"), std::string::npos) << fake.bought();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(fake_server, faults_are_set_and_reset) {
  const fake_openai fake;
  fake.set_faults(R"(["/v1/models,1,503", {"route": "GET /v1/models", "when": "2", "kind": "429", "retry-after": 2}])");
  EXPECT_THROW(fake.call("GET", "/v1/models"), std::runtime_error);
  EXPECT_NE(fake.journal().find(R"("status":503)"), std::string::npos) << fake.journal();
  fake.reset();
  EXPECT_NE(fake.journal().find(R"("requests":[])"), std::string::npos) << fake.journal();
  EXPECT_NE(fake.call("GET", "/_fake/faults").find(R"("faults":[])"), std::string::npos);
}

TEST(fake_server, a_wrong_fault_is_refused_with_its_reason) {
  const fake_openai fake;
  try {
    fake.set_faults(R"(["/v1/models,1,nonsense"])");
    FAIL() << "the fault was taken";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("the kind nonsense is unknown"), std::string::npos) << e.what();
  }
  EXPECT_THROW(fake_openai({"--fault", "/v1/models,1,nonsense"}), std::runtime_error);
}

// The parent here is a forked child that is killed: its fake must not outlive it.
TEST(fake_server, ends_when_its_parent_is_killed) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const fake_openai fake;
    const int pid = fake.pid();
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (;;) ::pause();
  }
  int pid = 0;
  ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_EQ(::kill(pid, 0), 0);
  ::kill(parent, SIGKILL);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  // Where nobody reaps orphans the process stays behind as a zombie; its port must be closed at least.
  bool gone = false;
  for (int i = 0; i < 600 && !gone; ++i) {
    const auto path = "/proc/" + std::to_string(pid) + "/stat";
    char text[256] = {};
    FILE* f = std::fopen(path.c_str(), "r");
    if (f != nullptr) {
      const auto n = std::fread(text, 1, sizeof text - 1, f);
      std::fclose(f);
      const std::string stat(text, n);
      const auto close = stat.rfind(')');
      gone = close == stat.npos || (close + 2 < stat.size() && stat[close + 2] == 'Z');
    } else {
      gone = true;
    }
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(gone) << "weir-fake-openai outlived its parent";
  ::close(ends[0]);
  ::close(ends[1]);
}

} // namespace

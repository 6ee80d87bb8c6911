#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/jobs/job.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace weir::jobs::testing {

/// An empty folder that is gone afterwards.
class temp_folder {
 public:
  temp_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "weir-jobs-XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  unique_fd open() const { return unique_fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Starts this test program again, as a process of its own, to run one test that is disabled otherwise; it finds the
/// folder in WEIR_TEST_FOLDER and may write to descriptor 3, whose other end is `output`.
struct child {
  pid_t pid = -1;
  unique_fd output;

  child(const std::string& test, const std::string& folder, const std::string& name) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    output.reset(ends[0]);
    const unique_fd write_end(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/stderr", O_WRONLY, 0);
    // dup2 onto the same number would keep close-on-exec; 3 cannot be it while 0-2 and the read end are open
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), 3);
    std::string filter = "--gtest_filter=" + test;
    std::string program = "/proc/self/exe", disabled = "--gtest_also_run_disabled_tests", brief = "--gtest_brief=1";
    char* arguments[] = {program.data(), filter.data(), disabled.data(), brief.data(), nullptr};
    std::vector<std::string> settings{"WEIR_TEST_FOLDER=" + folder, "WEIR_TEST_NAME=" + name};
    std::vector<char*> environment;
    for (char** e = environ; *e; ++e) environment.push_back(*e);
    for (auto& s : settings) environment.push_back(s.data());
    environment.push_back(nullptr);
    const int failed = posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed) throw std::runtime_error("posix_spawn failed");
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    if (pid > 0) end(SIGKILL);
  }

  /// Sends `signal` (0: none), waits for the end and returns the wait status.
  int end(int signal = 0) {
    if (signal) kill(pid, signal);
    int status = 0;
    waitpid(pid, &status, 0);
    pid = -1;
    return status;
  }
};

inline job make_job(const std::string& id) {
  job j;
  j.id = id;
  j.kind = "video";
  j.provider = "slate";
  j.operation = "create";
  return j;
}

} // namespace weir::jobs::testing

#pragma once

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/files/root.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace weir::files::test {

/// A fresh folder: `media` is the root under test, everything else is outside.
class place {
 public:
  place() {
    const std::filesystem::path base = std::filesystem::temp_directory_path() / "weir-files-XXXXXX";
    std::string pattern = base.string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    std::filesystem::create_directory(path_ / "media");
  }
  ~place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  place(const place&) = delete;
  place& operator=(const place&) = delete;

  const std::filesystem::path& outside() const { return path_; }
  std::filesystem::path media() const { return path_ / "media"; }
  root open() const { return root::open(media().string()); }

 private:
  std::filesystem::path path_;
};

inline void put(const std::filesystem::path& at, std::string_view bytes) {
  std::ofstream(at, std::ios::binary) << bytes;
}

inline std::string get(const std::filesystem::path& at) {
  std::ifstream in(at, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Every name in the folder, hidden ones as well.
inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& found : std::filesystem::directory_iterator(folder))
    names.push_back(found.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Calls `f`, which must throw an error with this code. Returns its text.
template <class F>
std::string fails_with(errc code, F&& f) {
  try {
    f();
  } catch (const error& e) {
    EXPECT_EQ(to_string(e.code()), to_string(code)) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

/// Runs `f` in a forked child. Returns its wait status; the child ends with 1 when `f` throws or a check in it fails.
inline int in_child(const std::function<void()>& f) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 1;
    try {
      f();
      code = ::testing::Test::HasFailure() ? 1 : 0;
    } catch (const std::exception& e) {
      ::dprintf(2, "in child: %s\n", e.what());
    }
    ::_exit(code);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

inline void seccomp(std::vector<sock_filter> filter) {
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    ::dprintf(2, "seccomp is not available\n");
    ::_exit(99);
  }
}

/// From now on this process is in an old container: openat2 gives `number`.
inline void forbid_openat2(unsigned number) {
  seccomp({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)});
}

/// From now on file systems have no unnamed files for this process: openat with O_TMPFILE gives EOPNOTSUPP.
inline void forbid_unnamed_files() {
  constexpr unsigned flags_at = 16 + 2 * 8; // seccomp_data.args[2], low half
  constexpr unsigned tmpfile_bit = 020000000;
  seccomp({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags_at), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, tmpfile_bit, 0, 1),
           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)});
}

/// From now on this process is nobody.
inline void drop_privileges() {
  if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(98);
}

} // namespace weir::files::test

#pragma once

#include "offload/process/host.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// A worker's channel as a pool would make one, and what the tests ask the system about processes.
namespace weir::processes {

/// What the tests and their workers share, beside the slot.
struct board {
  std::uint32_t word = 0; ///< set by the worker, waited for by the test
  std::uint32_t go = 0;   ///< the other way round
  std::int64_t numbers[8] = {};
  char text[1024] = {};

  void put(std::string_view words) noexcept {
    const std::size_t size = std::min(words.size(), sizeof text - 1);
    std::memcpy(text, words.data(), size);
    text[size] = 0;
  }
  void raise(std::uint32_t value = 1) noexcept { std::atomic_ref(word).store(value, std::memory_order_release); }
  std::uint32_t raised() noexcept { return std::atomic_ref(word).load(std::memory_order_acquire); }
  bool released() noexcept { return std::atomic_ref(go).load(std::memory_order_acquire) != 0; }
  void release() noexcept {
    std::atomic_ref(go).store(1, std::memory_order_release);
    ::syscall(SYS_futex, &go, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  /// In the worker: sleeps until released.
  void wait() noexcept {
    while (!released()) ::syscall(SYS_futex, &go, FUTEX_WAIT, 0, nullptr, nullptr, 0);
  }
};

inline constexpr std::size_t channel_bytes = 16 * 1024, slot_at = 4096, board_at = 8192;

inline board& board_of(const detail::worker_context& context) {
  return *reinterpret_cast<board*>(context.channel.data() + board_at);
}

class channel {
 public:
  explicit channel(unsigned seals = F_SEAL_SHRINK) : fd_(::memfd_create("channel", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    if (::ftruncate(fd_.get(), channel_bytes) != 0) throw errno_error(errno, "ftruncate");
    if (seals && ::fcntl(fd_.get(), F_ADD_SEALS, seals) != 0) throw errno_error(errno, "seals");
    memory_ = static_cast<std::byte*>(::mmap(nullptr, channel_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
    if (memory_ == MAP_FAILED) throw errno_error(errno, "mmap");
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() { ::munmap(memory_, channel_bytes); }

  board& shared() noexcept { return *reinterpret_cast<board*>(memory_ + board_at); }
  int fd() const noexcept { return fd_.get(); }
  detail::worker_options options(detail::worker_main entry) const {
    detail::worker_options made;
    made.entry = entry;
    made.fds = {fd_.get()};
    made.channel = {memory_, channel_bytes};
    made.slot_offset_bytes = slot_at;
    return made;
  }

 private:
  unique_fd fd_;
  std::byte* memory_ = nullptr;
};

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Numbers of processes and descriptors, as folders of /proc show them.
inline std::vector<int> numbers_in(const std::string& folder) {
  std::vector<int> found;
  if (DIR* const open = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(open))
      if (const int number = std::atoi(entry->d_name); number > 0 || std::strcmp(entry->d_name, "0") == 0)
        found.push_back(number);
    ::closedir(open);
  }
  return found;
}

/// The processes, zombies apart, that execute the file with this path; the file may be gone.
inline std::vector<int> processes_of(const std::string& path) {
  std::vector<int> found;
  for (const int pid : numbers_in("/proc")) {
    char target[4096];
    const ssize_t size = ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), target, sizeof target);
    std::string_view name(target, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (constexpr std::string_view gone = " (deleted)"; name.ends_with(gone)) name.remove_suffix(gone.size());
    if (name == path) found.push_back(pid);
  }
  return found;
}

/// 'R', 'S', 'Z', ...; 0 where there is no such process.
inline char state_of(int pid) {
  const std::string text = contents("/proc/" + std::to_string(pid) + "/stat");
  const auto end = text.rfind(") ");
  return end == std::string::npos ? '\0' : text[end + 2];
}

inline std::vector<int> children_of(int pid) {
  const std::string text = contents("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::vector<int> found;
  const char* at = text.c_str();
  for (char* end = nullptr; const long number = std::strtol(at, &end, 10); at = end)
    found.push_back(static_cast<int>(number));
  return found;
}

inline long rss_kib(int pid) {
  const std::string text = contents("/proc/" + std::to_string(pid) + "/status");
  const auto at = text.find("VmRSS:");
  return at == std::string::npos ? 0 : std::atol(text.c_str() + at + 6);
}

/// Whether `holds()` becomes true in time.
template <class F>
bool soon(F holds, std::chrono::milliseconds at_most = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(500);
  }
  return true;
}

} // namespace weir::processes

#include <weir/offload/detail/resident.hpp>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace weir::detail {

resident_watch::resident_watch(pid_t pid)
    : statm_(::open(("/proc/" + std::to_string(pid) + "/statm").c_str(), O_RDONLY | O_CLOEXEC)) {}

std::optional<resident> resident_watch::read() const {
  char text[256];
  const ssize_t got = ::pread(statm_.get(), text, sizeof text, 0);
  if (got <= 0) return std::nullopt;
  // Pages: size, resident, shared (files and shared memory), ...
  std::array<std::uint64_t, 3> pages{};
  const char* at = text;
  for (auto& field : pages) {
    while (at < text + got && *at == ' ') ++at;
    const auto [end, problem] = std::from_chars(at, text + got, field);
    if (problem != std::errc()) return std::nullopt;
    at = end;
  }
  if (pages[0] == 0) return std::nullopt; // a zombie: its memory is gone
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return resident{pages[1] * page_bytes, (pages[1] - std::min(pages[1], pages[2])) * page_bytes};
}

std::optional<std::uint64_t> resident_bytes(pid_t pid) {
  const auto now = resident_watch(pid).read();
  return now ? std::optional(now->total_bytes) : std::nullopt;
}

} // namespace weir::detail

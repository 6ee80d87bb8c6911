#pragma once

#include <weir/files/root.hpp>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace weir::files {

inline constexpr std::int64_t max_listed = 10'000;
inline constexpr std::size_t max_pattern_bytes = 255;

/// A shell pattern for one part of a name: `*` any run of characters, `?` one character, `[a-z]` one of a set, `[!a-z]`
/// or
/// `[^a-z]` one that is not in it (a `]` that comes first in the set stands for itself; so does a `[` that is never
/// closed). Characters are Unicode code points; upper and lower case differ. There is no escape: `[*]` is a star.
/// Thread-safety: any thread, also one object at once.
class glob {
 public:
  /// Fails: errc::invalid_argument when the pattern is empty, longer than 255 bytes, not UTF-8, or holds '/', a
  /// backslash or a control character. Cost: linear in the pattern.
  explicit glob(std::string_view pattern);

  /// Whether the whole of `text` fits. Ill-formed UTF-8 fits nothing.
  /// Cost: one pass over `text`, whatever the pattern: all positions of the pattern are followed at once as bits
  /// (Baeza-Yates and Gonnet, "A new approach to text searching", CACM 35(10), 1992).
  bool matches(std::string_view text) const noexcept;

 private:
  struct compiled;
  std::shared_ptr<const compiled> compiled_;
};

enum class sort_by { name, size, modified };
enum class sort_order { ascending, descending };

struct list_options {
  std::string folder;                  ///< below the root; "" is the root itself
  std::string pattern;                 ///< see glob; "" is every name
  std::vector<std::string> extensions; ///< with or without the dot, ASCII case ignored; empty = all
  files::sort_by sort_by = files::sort_by::name;
  sort_order order = sort_order::ascending;
  std::int64_t limit = 1000; ///< at most max_listed; 0 = nothing
};

struct entry {
  std::string name; ///< as open_read takes it: with its folder
  std::uint64_t size_bytes = 0;
  file_time modified{};
  std::string extension; ///< as in the name: ".PNG"

  /// Seconds since 1970, for JSON.
  double modified_seconds() const noexcept {
    return std::chrono::duration<double>(modified.time_since_epoch()).count();
  }
};

/// Lists the regular files of one folder that open_read would open (rights apart): no folders, no links, no FIFOs, no
/// names that name.hpp refuses, and none that begin with a dot. A file that disappears meanwhile is left out. Equal
/// sizes and times are ordered by name, ascending, so the order is always the same. Fails: errc::invalid_argument for a
/// limit below 0 or above max_listed, a bad pattern or folder name; not_found for the folder. Cancellation: throws
/// weir::cancelled once `stop` is set. Thread-safety: any thread. Cost: blocking; reads the folder and asks for the
/// status of each file that fits; memory for `limit` entries, however large the folder is.
std::vector<entry> list(const root& in, const list_options& options = {}, const std::stop_token& stop = {});

} // namespace weir::files

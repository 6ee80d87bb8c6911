#pragma once

#include "offload/process/watch.hpp"

#include <weir/core/unique_fd.hpp>

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir::detail {

/// What a worker wrote. Bytes of the job, unchecked: escape them before they go to a terminal.
struct output_line {
  enum class stream : std::uint8_t { out = 1, err = 2 };

  pid_t pid = 0;
  std::uint64_t job = 0; ///< which job the worker said it was at when the line was read here
  stream from = stream::out;
  std::string_view text; ///< without the newline
};

/// Cuts one stream into lines.
class line_cutter {
 public:
  /// A longer line comes in pieces of this size.
  static constexpr std::size_t max_line_bytes = 64 * 1024;
  using sink = std::function<void(std::string_view line)>;

  /// `to` is called for each line that `piece` completes.
  void add(std::string_view piece, const sink& to);
  /// What came after the last newline, if anything.
  void finish(const sink& to);

 private:
  std::string begun_;
};

/// The end of what was written.
class output_tail {
 public:
  static constexpr std::size_t max_bytes = 4096;

  void add(std::string_view piece);
  std::string text() const { return kept_.substr(kept_.size() - std::min(kept_.size(), max_bytes)); }

 private:
  std::string kept_;
};

/// The reading end of a pipe to which a worker writes, watched by the loop. It never keeps the loop waiting: a worker
/// that writes without end is read piece by piece between other things, and so slowed down.
/// Thread-safety: the loop's thread only. Cost: nothing while nothing is written.
class output_pipe {
 public:
  /// `on_piece` gets what was read; it may destroy this.
  output_pipe(unique_fd end, std::function<void(std::string_view piece)> on_piece);

  /// Reads what is there now, at most `most_bytes`.
  void drain(std::size_t most_bytes);

 private:
  void read_one();

  unique_fd end_;
  std::shared_ptr<const std::function<void(std::string_view)>> on_piece_;
  quiet_watch watch_;
};

} // namespace weir::detail

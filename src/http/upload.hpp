#pragma once

#include <weir/core/event.hpp>
#include <weir/core/task.hpp>
#include <weir/http/body.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <string>

namespace weir::http::detail {

/// A request body on its way out: gives libcurl its bytes in order, and reads the files among them ahead so that the
/// loop never waits for a disk. At most two stretches of `chunk_bytes` are in memory.
class upload {
 public:
  static constexpr std::size_t chunk_bytes = 256 * 1024;

  explicit upload(const http::body& source) noexcept : data_(source.data()) {}

  bool reads_files() const noexcept;
  /// The whole body, where it is one stretch in memory; else nullptr.
  const std::string* as_one_string() const noexcept;

  /// Copies up to `size` bytes that come next. Returns 0 at the end and where the next ones have not been read yet;
  /// then `starved()` tells which.
  std::size_t give(char* into, std::size_t size) noexcept;
  bool starved() const noexcept { return starved_; }
  bool failed() const noexcept { return static_cast<bool>(failure_); }
  std::exception_ptr failure() const noexcept { return failure_; }

  /// Goes back to byte `position`. Returns false past the end.
  bool seek(std::uint64_t position) noexcept;

  /// Reads ahead until it is cancelled, and calls `more()` after a stretch that the reader was starved for.
  /// Never fails itself: a read error is kept for `failure()`.
  task<void> read_ahead(const std::function<void()>& more);

 private:
  struct place {
    std::size_t segment = 0;
    std::uint64_t offset = 0;
  };

  const body_segment* segment_at(place& where) const noexcept;

  std::shared_ptr<const body_data> data_;
  place next_;           // of the next byte to give
  place read_;           // of the next byte to read from a file
  std::string current_;  // read, being given
  std::size_t used_ = 0; // of current_
  std::string ahead_;    // read, to be given after current_
  bool starved_ = false;
  unsigned generation_ = 0; // a seek makes what is being read useless
  std::exception_ptr failure_;
  event wanted_;
};

} // namespace weir::http::detail

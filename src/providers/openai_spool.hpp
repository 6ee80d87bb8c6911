#pragma once

#include <weir/core/unique_fd.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace weir::providers::openai {

/// A file without a name, gone when nobody holds it: for what is too large for memory on its way.
/// It is made at the first write, in TMPDIR or /tmp; in memory where that folder cannot be written. Blocking.
/// Fails (all): errc::no_space, or another one by errno.
class spool {
 public:
  void write(std::string_view bytes);
  void clear();
  /// Gives everything written to `sink`, in pieces of 128 KB.
  void read(const std::function<void(std::string_view)>& sink) const;
  std::uint64_t size_bytes() const noexcept { return size_; }
  /// Gives the file away.
  unique_fd take() &&;

 private:
  void open();

  unique_fd fd_;
  std::uint64_t size_ = 0;
};

} // namespace weir::providers::openai

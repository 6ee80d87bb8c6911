#pragma once

#include <weir/core/unique_fd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

namespace detail {

/// A stretch of a request body: bytes in memory, or `length` bytes at `offset` of a regular file.
struct body_segment {
  std::string bytes;
  unique_fd file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct body_data {
  std::vector<body_segment> segments;
  std::uint64_t length = 0;
  std::string content_type;
};

/// The checked stretch of a regular file; see body::from_file.
body_segment file_segment(unique_fd file, std::uint64_t offset, std::optional<std::uint64_t> length);

} // namespace detail

/// The body of a request: nothing, bytes in memory, or stretches of open files (see also multipart.hpp).
///
/// Its length is always known, and it can be sent again from the start: files are read by position, on pool threads,
/// while the request is under way, and never held in memory as a whole.
///
/// Copies share the same content. Thread-safety: the content is never changed; copies may be used on any thread.
class body {
 public:
  /// No body at all.
  body() = default;

  /// `bytes` as they are. An empty string is a body of length 0.
  body(std::string bytes);
  body(std::string_view bytes) : body(std::string(bytes)) {}
  body(const char* bytes) : body(std::string(bytes)) {}

  /// `length` bytes of the regular file `file` from `offset` on; by default everything up to its present end.
  /// Fails: weir::error(invalid_argument) if it is no regular file or ends before offset + length. A file that becomes
  /// shorter while it is sent fails that request with errc::corrupt.
  static body from_file(unique_fd file, std::uint64_t offset = 0, std::optional<std::uint64_t> length = std::nullopt);

  /// For those who make bodies of several stretches, as multipart does.
  explicit body(detail::body_data data);

  bool has_value() const noexcept { return data_ != nullptr; }
  std::uint64_t size_bytes() const noexcept { return data_ ? data_->length : 0; }

  /// What `Content-Type` is sent where the request's own headers have none; empty for none.
  std::string_view content_type() const noexcept { return data_ ? std::string_view(data_->content_type) : ""; }

  // For the transfer that sends it.
  const std::shared_ptr<const detail::body_data>& data() const noexcept { return data_; }

 private:
  std::shared_ptr<const detail::body_data> data_;
};

} // namespace weir::http

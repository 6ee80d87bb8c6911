#pragma once

#include <weir/http/message.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace weir::http::detail {

/// What a request may weigh.
struct request_limits {
  std::size_t max_header_bytes = 16 * 1024; ///< request line and all fields with their line ends
  std::size_t max_header_fields = 128;
  std::size_t max_body_bytes = 4 * 1024 * 1024;
};

/// Reads one request after another from the bytes of a connection, however they are cut up.
///
/// Beast's parser does the grammar; what it lets pass and an intermediary could read differently (missing or repeated
/// Host, folded lines, any transfer coding but `chunked`, repeated lengths) is refused here. After a refusal nothing
/// on the connection can be trusted any more: answer with `refused_with()` and close.
///
/// Cost: one pass over the head, one copy of each byte into the request; no buffer of its own.
class request_parser {
 public:
  explicit request_parser(const request_limits& limits);
  ~request_parser();
  request_parser(request_parser&&) noexcept;
  request_parser& operator=(request_parser&&) noexcept;

  /// Gives the bytes that have not been consumed yet, those of earlier calls first. `into` must be the same object
  /// until the request is complete; what it held before is overwritten, its capacity is used again.
  /// Returns: how many bytes at the front of `data` are done with.
  std::size_t feed(std::string_view data, request& into);

  bool complete() const noexcept;
  /// 0, or the status to answer with.
  int refused_with() const noexcept;
  /// True once the empty line behind the fields was seen.
  bool has_head() const noexcept;
  /// The client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1). Valid while `has_head()`.
  bool expects_continue() const noexcept;
  /// HTTP/1.0: no chunked answer, and staying open must be said. Valid while `has_head()`.
  bool is_http_1_0() const noexcept;

  /// Ready for the next request.
  void reset() noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::http::detail

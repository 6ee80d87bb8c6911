#pragma once

#include <weir/core/limiter.hpp>
#include <weir/http/client.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace weir::http {

/// Where a download goes. The functions may block: they are called on pool threads, one at a time.
class download_target {
 public:
  virtual ~download_target() = default;

  /// Appends `bytes`. A failure ends the download; it is rethrown as it is.
  virtual void write(std::span<const std::byte> bytes) = 0;

  /// Forgets everything written: the content comes again from its first byte.
  virtual void reset() = 0;

  /// How many bytes have been written since the last reset.
  virtual std::uint64_t bytes() const = 0;

  /// The SHA-256 (64 lower-case hexadecimal digits) of what has been written, from a target that keeps it anyway: then
  /// it is not computed twice.
  virtual std::optional<std::string> sha256() const { return std::nullopt; }
};

struct download_options {
  std::uint64_t max_bytes = 0; ///< more is errc::too_large, before it is written; 0: no limit
  int max_attempts = 5;        ///< all told
  /// Called on the loop after each write; `total` is 0 while it is not known. Must not throw.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
  /// Counts the writes; nullptr: files::file_limiter().
  weir::limiter* limiter = nullptr;
};

struct download_result {
  std::uint64_t bytes = 0;
  std::string sha256;       ///< of the content: 64 lower-case hexadecimal digits
  std::string content_type; ///< as the server says; may be empty
  std::string url;          ///< that answered, after redirects
  int attempts = 1;
};

/// Gets `request` (a GET) into `target`, in writes of 64 to 128 KB on pool threads while the next ones come in; at most
/// two such buffers are in memory.
///
/// When the connection breaks, stalls for the idle time limit, or the server is busy (429, 5xx), it is tried again
/// after the waits of the client's retry policy (the number of attempts is this function's own): from where it broke
/// off, with Range and If-Range (RFC 9110 13.1.5), if the server gave a strong validator (an ETag that is not weak, or
/// a Last-Modified older than its answer); else, and where the content has changed meanwhile, from the start after
/// target.reset().
///
/// Fails: transport_error (unavailable, timeout) after the last attempt; status_error for any other status than
/// success; too_large by what the server announces or sends; unsupported where the server insists on a compressed body;
/// invalid_argument for another method than GET or a Range of the caller's; and with what the target threw.
/// Cancellation: immediate, after the write that is running. The target keeps what it has: discard it.
task<download_result> download(client& web, client_request request, download_target& target,
                               download_options options = {});

} // namespace weir::http

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

  /// Says what the bytes that are written from now on belong to, together with those that are there: called before the
  /// first write of a content, and at the end where the length was not known before. `validator` is what can stand in
  /// If-Range; empty where the server gave none that is strong. For a target that a later download is to go on with.
  virtual void describe(std::string_view validator, std::optional<std::uint64_t> total) {
    (void)validator;
    (void)total;
  }
};

/// What a target has from an earlier download.
struct resume_point {
  std::uint64_t offset = 0;           ///< bytes that are there: target.bytes()
  std::string validator;              ///< of the content they are of; empty or weak: it starts over
  std::optional<std::uint64_t> total; ///< of the whole content
};

struct download_options {
  std::uint64_t max_bytes = 0; ///< more is errc::too_large, before it is written; 0: no limit
  int max_attempts = 5;        ///< all told
  /// The length that the content must have: another one is errc::corrupt, found before anything is written where the
  /// server says its length.
  std::optional<std::uint64_t> expected_bytes;
  /// Goes on with what the target has, which must know its own sha256(). Not set: what it has is forgotten.
  std::optional<http::resume_point> resume_from;
  /// Called on the loop with the head of an answer that counts: one whose body will be taken, or an error that ends the
  /// download (not one after which it is tried again). What it throws is thrown instead.
  std::function<void(const response_head&)> on_head;
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
  std::uint64_t resumed_from = 0; ///< bytes that were there before this call and are part of the content
};

/// Gets `request` (a GET) into `target`, in writes of 64 to 128 KB on pool threads while the next ones come in; at most
/// two such buffers are in memory.
///
/// When the connection breaks, stalls for the idle time limit, or the server is busy (429, 5xx), it is tried again
/// after the waits of the client's retry policy (the number of attempts is this function's own): from where it broke
/// off, with Range and If-Range (RFC 9110 13.1.5), if the server gave a strong validator (an ETag that is not weak, or
/// a Last-Modified older than its answer); else, and where the content has changed meanwhile, from the start after
/// target.reset(). The same holds for what an earlier download left (options.resume_from). Whether the server announces
/// that it knows ranges (Accept-Ranges) is not looked at, as many know them and do not say so. A 416 (no such range)
/// for a target that has all bytes of the known total means that it is complete; another one that it starts over.
///
/// Fails: transport_error (unavailable, timeout) after the last attempt; status_error with the beginning of its body
/// for any other status than success, of which nothing reaches the target; corrupt by expected_bytes; too_large by what
/// the server announces or sends; unsupported where the server insists on a compressed body; invalid_argument for
/// another method than GET, a Range of the caller's, or a resume_point that does not fit the target; and with what the
/// target or on_head threw. Cancellation: immediate, after the write that is running. The target keeps what it has:
/// discard it, or go on later.
task<download_result> download(client& web, client_request request, download_target& target,
                               download_options options = {});

} // namespace weir::http

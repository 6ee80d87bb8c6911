#pragma once

#include <weir/core/mutex.hpp>
#include <weir/core/task.hpp>
#include <weir/http/responder.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// One Server-Sent Event (WHATWG HTML 9.2).
struct sse_event {
  std::string data;              ///< may have lines; each line end (CR, LF, CRLF) arrives as a line feed
  std::string event;             ///< the type; empty: "message"
  std::optional<std::string> id; ///< becomes the client's Last-Event-ID; may be empty
  std::optional<std::chrono::milliseconds> retry; ///< how long the client waits before it connects again
};

/// Returns: the wire form of `event`, with the empty line behind it. Clients dispatch an event with empty data too;
/// only one that has nothing but `retry` is written without a data line, and sets the client's delay alone. Fails:
/// errc::invalid_argument where the type or id holds a line end, or the id a NUL.
std::string to_text(const sse_event& event);

/// Writes Server-Sent Events as the answer to a request. Limits and failures of each wait are those of `responder`.
class sse_writer {
 public:
  explicit sse_writer(responder& to) noexcept : to_(to) {}

  /// Begins the answer: 200, `text/event-stream`, no caching, and no buffering by proxies. `extra` is added.
  task<void> begin(headers extra = {});

  /// Sends an event; waits while the client does not read.
  task<void> send(sse_event event);

  /// Sends a comment line, which clients ignore: keeps a silent stream open through proxies. Line ends become spaces.
  task<void> comment(std::string_view text = "");

  /// Sends a comment after each `period` of the stream until cancelled: to be spawned beside the work, which
  /// may send events at the same time.
  task<void> keep_alive(std::chrono::milliseconds period);

  /// Ends the stream.
  task<void> finish();

 private:
  task<void> write(std::string text);

  responder& to_;
  mutex turn_; // an event and a comment must not mix
};

} // namespace weir::http

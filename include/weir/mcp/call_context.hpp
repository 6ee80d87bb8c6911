#pragma once

#include <weir/core/task.hpp>
#include <weir/core/timer.hpp>
#include <weir/json/value.hpp>
#include <weir/mcp/protocol.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::mcp {

/// What a client said about itself.
struct client_facts {
  implementation info;
  json::object capabilities;
};

/// One step of a long call.
struct progress_update {
  double progress = 0;
  std::optional<double> total;
  std::string message;
};

/// Something that a handler wants from its client or from the person there.
struct input_request {
  std::string key;    ///< names the answer; unique within a handler
  std::string method; ///< "elicitation/create", "sampling/createMessage" or "roots/list"
  json::object params;
};

/// What a handler knows about the call that it serves. It lives until the handler's task has ended.
/// Cancellation is implicit: when the client cancels, the handler's waits throw `weir::cancelled`.
/// Thread-safety: the loop's thread only.
class call_context {
 public:
  /// Where a call comes from. A default one is a call by hand with nobody listening.
  struct origin {
    version protocol = newest_modern;
    std::shared_ptr<const client_facts> client;
    /// Empty where nobody asked for progress.
    std::function<void(const progress_update&)> on_progress;
    /// Empty where the client wants no log messages.
    std::function<void(log_level, std::string_view logger, const json::value& data)> on_log;
    log_level least_level = log_level::info;
    /// Answers that came with the request, by key.
    std::map<std::string, json::object> answers;
    /// Asks a legacy client; empty where it cannot be reached.
    std::function<task<json::object>(input_request)> ask_now;
    /// Whether a modern request may be answered with questions.
    bool may_end_with_questions = false;
  };

  call_context() : call_context(origin{}) {}
  explicit call_context(origin from);
  ~call_context();
  call_context(const call_context&) = delete;
  call_context& operator=(const call_context&) = delete;

  version protocol() const noexcept { return from_.protocol; }
  const client_facts& client() const noexcept;

  /// Whether `structuredContent` and resource links reach this client (from 2025-06-18). The library leaves them out
  /// by itself; a handler asks to choose its words.
  bool may_send_structured() const noexcept { return from_.protocol >= version::v2025_06_18; }
  bool may_send_links() const noexcept { return from_.protocol >= version::v2025_06_18; }

  /// Whether the caller gave a progress token. Without one `report_progress` does nothing.
  bool wants_progress() const noexcept { return static_cast<bool>(from_.on_progress); }

  /// Tells the caller how far the call is. `progress` must be more than the last time, else nothing is sent (the
  /// protocol demands an increase); it may be steps, bytes or seconds.
  /// At most five reports at once and then ten a second leave; between them the newest one waits for its turn, so that
  /// a handler may report as often as it likes. Nothing leaves after the handler's end.
  void report_progress(double progress, std::optional<double> total = {}, std::string_view message = {});

  /// Sends a log message to the client where it asked for this level. Deprecated by the protocol since 2026-07-28:
  /// a program logs to stderr.
  void log(log_level level, const json::value& data, std::string_view logger = {});

  /// Demands something of the client, for example {"sampling": {}}.
  /// Fails: rpc_error -32021 with the missing ones where a modern client did not declare it (HTTP 400);
  /// weir::error(unsupported) for a legacy client.
  void require_client_capability(const json::object& needed) const;

  /// Whether the client declared `capability` ("elicitation", "sampling", "roots").
  bool client_can(std::string_view capability) const noexcept;

  /// Asks the client, for all of `requests` at once, and returns its answers by key: as they came, unchecked.
  /// A legacy client is asked while the handler waits. A modern one gets the questions as the answer of its request,
  /// and sends the request again with its answers: the handler then runs again from its beginning, and this call
  /// returns at once. So ask before doing anything that must not happen twice. A tool that asks says so in
  /// tool::asks_client.
  /// Fails: as require_client_capability; errc::remote where a legacy client answers with an error;
  /// errc::unsupported where it cannot be asked.
  task<std::map<std::string, json::object>> ask(std::vector<input_request> requests);

  /// Sends what `report_progress` still holds back, and nothing after that. The server calls it at the handler's end.
  void finish();

 private:
  void send(progress_update update);
  void refill() noexcept;

  origin from_;
  bool finished_ = false;
  std::optional<double> last_;
  std::optional<progress_update> held_;
  double tokens_;
  std::chrono::steady_clock::time_point refilled_;
  std::optional<timer> timer_;
};

} // namespace weir::mcp

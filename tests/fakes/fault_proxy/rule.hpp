#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::fakes {

using std::chrono::milliseconds;

/// Which requests a rule is about. Empty texts match everything; a target is a path with its query.
struct match {
  std::string method;
  std::string path_prefix;
  /// ECMAScript, searched in the target.
  std::string path_regex;
  /// Of the requests that match so far and that no earlier rule took: leaves out the first `skip`, then takes only the
  /// next `first` (0: all of them), and of these each with this probability.
  std::uint64_t skip = 0, first = 0;
  double probability = 1;
  /// The n-th draw depends on the seed and n alone.
  std::uint64_t seed = 1;

  /// The n-th match alone, from 1.
  match nth(std::uint64_t n) const {
    match m = *this;
    m.skip = n - 1;
    m.first = 1;
    return m;
  }
};

/// An answer that the proxy gives itself.
struct own_answer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

struct header_change {
  enum class kind { add, remove, replace } what;
  std::string name, value;
};

/// What is done to a request and its answer. The members work together: one action may delay, change a header and cut.
struct action {
  /// Before anything is forwarded or answered.
  milliseconds delay{0};
  /// After the head of the answer is known, before any of it goes out.
  milliseconds delay_response{0};
  /// Of the bodies; 0: as fast as it goes.
  std::size_t request_bytes_per_second = 0, response_bytes_per_second = 0;

  /// Lets so many bytes of the answer's body out (as on the wire; with cut_counts_head of the whole answer) and then:
  /// a TCP reset; FIN; or silence until the client leaves. A body with fewer bytes passes unhurt.
  enum class cut { none, reset, close, stall } cutting = cut::none;
  std::uint64_t cut_after_bytes = 0;
  bool cut_counts_head = false;

  /// Added to the number in Content-Length; the body stays as it is. Too long a number is followed by FIN.
  std::int64_t length_change = 0;
  /// No Content-Length and no chunks: the body ends with the connection.
  bool drop_length = false;
  std::vector<header_change> headers;
  /// Added to the Date of the answer.
  std::chrono::seconds shift_date{0};

  /// Answers instead of forwarding: when the whole body of the request is read, or before a byte of it is. An early
  /// answer ends the connection.
  std::optional<own_answer> answer;
  bool before_body = false;
  /// Closes after the answer, unannounced.
  bool close_after_answer = false;

  /// Resets the client's connection without an answer: nothing was carried out, or all of it was.
  enum class lose { nothing, before_forwarding, after_forwarding } losing = lose::nothing;
  /// Closes the listening socket and all connections for this time.
  std::optional<milliseconds> refuse_for;
};

/// The first rule that takes a request decides.
struct rule {
  match when;
  action then;
  /// For the journal; empty: "rule N", from 1.
  std::string name = {};
};

/// Makers of the usual actions.
namespace faults {

action delay(milliseconds time);
action delay_response(milliseconds time);
action throttle_response(std::size_t bytes_per_second);
action throttle_request(std::size_t bytes_per_second);
action reset_after(std::uint64_t body_bytes);
action close_after(std::uint64_t body_bytes);
action stall_after(std::uint64_t body_bytes);
action wrong_length(std::int64_t change);
action drop_length();
/// Without a length and with only so many bytes, followed by FIN: nothing shows the client that some are missing.
action drop_length_and_cut(std::uint64_t body_bytes);
action status(own_answer answer);
action status(int status, std::string body, std::string content_type = "application/json");
/// {"message": "Signature has expired"} with 401, and 401 with {"msg": text}.
action expired();
action unauthorized(std::string text = "Missing Authorization Header");
action too_many(int retry_after_seconds);
/// 502, 503 or 504 with a page as nginx writes it.
action gateway_error(int status);
/// 200 with the HTML page of a proxy that wants a login.
action login_page();
action redirect(std::string location, int status = 302);
/// Answers before the body of the request was read, and closes.
action early(own_answer answer);
action answer_then_close();
action cut_before_forwarding();
action cut_after_forwarding();
action refuse(milliseconds time);
action late_401(milliseconds time);
action add_header(std::string name, std::string value);
action remove_header(std::string name);
action replace_header(std::string name, std::string value);
action dates(std::chrono::seconds shift = std::chrono::hours(1));

} // namespace faults

} // namespace weir::fakes

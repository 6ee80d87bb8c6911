#pragma once

#include "arguments.hpp"
#include "content.hpp"
#include "faults.hpp"
#include "journal.hpp"
#include "options.hpp"
#include "picture.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fake {

using steady = std::chrono::steady_clock;

/// How a job comes out: its prompt decides.
enum class outcome { good, fails, never_ends, refused, incomplete };

/// What videos and background responses have in common: a state that follows from the clock alone.
struct timeline {
  steady::time_point start = steady::now();
  std::int64_t created_at =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  long duration_ms = 0;
  outcome ends = outcome::good;
  bool cancelled = false;

  bool over() const { return cancelled || (ends != outcome::never_ends && elapsed_ms() >= duration_ms); }
  long elapsed_ms() const { return std::chrono::duration_cast<millis>(steady::now() - start).count(); }
};

struct video_job {
  std::string id, model, prompt, size, seconds, remixed_from;
  std::uint64_t order = 0, bytes = 0;
  bool expired = false;
  timeline time;
};

struct response_job {
  std::string id, model, prompt;
  picture_request picture;
  std::string format, quality, background, size;
  bool in_background = false, draws = false;
  long calls = 1;
  boost::json::value tools, previous;
  timeline time;
};

struct stored_file {
  std::string id, filename, purpose;
  std::uint64_t bytes = 0, order = 0;
  std::int64_t created_at = 0;
  std::optional<picture_info> picture;
};

/// An answer that an Idempotency-Key has bought, or that is being made.
struct kept_answer {
  std::string fingerprint;
  bool ready = false;
  answer first;
};

/// The state of the service. `mutex` guards the maps; jobs are copied out under it.
struct world {
  explicit world(const options& o);

  const options opts;
  journal log;
  fault_plan faults;
  content_maker contents;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, video_job> videos;
  std::map<std::string, response_job> responses;
  std::map<std::string, stored_file> files;
  std::map<std::string, std::shared_ptr<kept_answer>> kept;
  std::uint64_t orders = 0;
  std::atomic<bool> stopping{false};

  /// A fresh id with this prefix; the same one after the same number of calls with the same seed.
  std::string new_id(std::string_view prefix, std::size_t digits);
  /// Throws api_error 429 when the limit of --rpm is used up. Returns what is left.
  unsigned take_request();
  void reset();

 private:
  std::atomic<std::uint64_t> ids_{0};
  steady::time_point window_ = steady::now();
  unsigned used_ = 0;
};

/// One request on its way through the routes.
struct call {
  world& w;
  const request& r;
  connection& c;
  effects fx;
  boost::json::object note; ///< for the journal
  bool keyed = false;       ///< an Idempotency-Key is honoured

  /// Counts a purchase and notes it.
  void buy(const std::string& kind, const std::string& id);
  /// Lets the work take its time. A client that goes away ends the wait with connection_lost, unless its request has an
  /// Idempotency-Key: that work goes on, because the client may come back for it.
  void wait(millis time) const;
};

/// Checks the rules that hold for every prompt and model. Throws api_error.
void check_prompt(const std::string& prompt);
void check_model(const world& w, const std::string& model);
outcome outcome_of(const std::string& prompt);

/// Each returns nothing if the method and path are not its own.
using route_result = std::optional<answer>;
route_result video_routes(call& c);
route_result image_routes(call& c);
route_result response_routes(call& c);
route_result file_routes(call& c);
route_result control_routes(call& c);

/// The segments of a path after its first one: /v1/videos/x -> {videos, x}, percent-decoded.
std::vector<std::string> segments(std::string_view path);

/// Answers with the content, whole or in part (RFC 9110, section 14: one range, If-Range with an entity tag).
answer content_answer(const call& c, content what);

} // namespace fake

#pragma once

#include "providers/openai_errors.hpp"
#include "providers/openai_picture.hpp"

#include <weir/http/client.hpp>
#include <weir/providers/openai.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace weir::providers::openai {

struct json_answer {
  json::object value;
  http::headers headers;
};

/// The requests that all calls are made of: with the headers, the time limits and the repetitions that each kind gets,
/// and failures in the words of provider.hpp.
class wire {
 public:
  explicit wire(openai_options options);

  /// What keeps it from working; empty where it is ready.
  std::string missing() const;

  /// A request that only reads, or may be repeated: after a failure it is.
  http::client_request get(const std::string& path) const;
  /// A request whose repetition is not known to be harmless.
  http::client_request act(const std::string& method, const std::string& path) const;
  /// A request that may cost money: with its key, over a fresh connection, repeated after a 429 only, not redirected.
  /// `limit` is the time that the server may take, on top of that for sending `body`;
  /// a body that names no type is JSON.
  http::client_request buy(const std::string& path, http::body body, const std::string& idempotency_key,
                           std::chrono::seconds limit) const;

  /// Sends `request`. Returns the JSON object of a successful answer. One that cannot be read is asked for again where
  /// nothing can have been bought.
  task<json_answer> call(http::client_request request, purpose why);

  /// Sends `request`. What a successful answer holds does not matter.
  task<void> call_without_answer(http::client_request request, purpose why);

  /// Sends `request`; the picture in its answer goes into `sink`, on pool threads.
  task<picture_answer> call_for_picture(http::client_request request, media::image_place place, byte_sink sink,
                                        purpose why);

  /// As call_for_picture, for a GET: an answer that breaks off is asked for again, and `sink` gets every byte once.
  task<picture_answer> read_picture(http::client_request request, media::image_place place, byte_sink sink,
                                    purpose why);

  /// Sends the GET `request` for the sake of its error: returns where it succeeds, else throws what the server says.
  task<void> explain(http::client_request request, purpose why);

  /// Gets `url`, of any server, with no header of ours, into `sink` once it has come completely.
  task<void> fetch(std::string url, byte_sink sink, purpose why);

  /// Never nullptr. The first call loads what a client needs.
  task<http::client*> web();
  const failures& errors() const noexcept { return errors_; }

 private:
  http::client_request plain(const std::string& method, const std::string& path) const;
  task<http::client_response> send(http::client_request request, purpose why);
  bool needs_key() const;

  openai_options options_;
  failures errors_;
  std::optional<http::client> web_;
};

/// Calls `read`, which takes an answer apart. Returns its value.
/// Fails: as failures::unusable where it throws errc::corrupt.
template <class Read>
auto understand(const failures& errors, const purpose& why, Read&& read) {
  try {
    return read();
  } catch (const error& fault) {
    if (fault.code() != errc::corrupt) throw;
    errors.unusable(why, fault.what());
  }
}

} // namespace weir::providers::openai

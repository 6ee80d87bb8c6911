#pragma once

#include "content.hpp"
#include "request.hpp"

#include <boost/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fake {

/// One server-sent event and the pause before it.
struct timed_event {
  millis pause;
  std::string name;
  boost::json::value data;
};

/// An answer before it is written: a text, or content made on the fly, or server-sent events.
struct answer {
  int status = 200;
  name_values headers;
  std::string body;
  std::function<std::string()> make_body; ///< instead of `body` where that is large: called when the answer is written
  std::optional<content> stream;
  std::vector<timed_event> events;
};

answer json_answer(const boost::json::value& v, int status = 200);

/// Thrown by a route; becomes {"error":{"message","type","param","code"}}.
struct api_error {
  int status;
  std::string message;
  std::string type = "invalid_request_error";
  std::optional<std::string> param{}, code{};
};

answer error_answer(const api_error& e);
std::string_view reason_phrase(int status);

} // namespace fake

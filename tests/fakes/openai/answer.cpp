#include "answer.hpp"

namespace fake {

namespace json = boost::json;

answer json_answer(const json::value& v, int status) {
  answer a;
  a.status = status;
  a.headers.emplace_back("Content-Type", "application/json");
  a.body = json::serialize(v);
  return a;
}

answer error_answer(const api_error& e) {
  const auto or_null = [](const std::optional<std::string>& s) { return s ? json::value(*s) : json::value(nullptr); };
  return json_answer(
      {{"error", {{"message", e.message}, {"type", e.type}, {"param", or_null(e.param)}, {"code", or_null(e.code)}}}},
      e.status);
}

std::string_view reason_phrase(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 206:
    return "Partial Content";
  case 302:
    return "Found";
  case 307:
    return "Temporary Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 416:
    return "Range Not Satisfiable";
  case 429:
    return "Too Many Requests";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  default:
    return "Status";
  }
}

} // namespace fake

#include "kitsu/answer.hpp"

#include <weir/http/headers.hpp>

#include <algorithm>

namespace weir::kitsu {
namespace {

/// At most 500 characters on one line, without bytes that a terminal would act on.
std::string shortened(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 500)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80 && text.size() > 500) out.pop_back();
  return out;
}

std::string title_of(std::string_view page) {
  for (const char* tag : {"title", "h1"}) {
    const std::size_t open = page.find('<' + std::string(tag) + '>');
    if (open == page.npos) continue;
    const std::size_t from = open + std::string_view(tag).size() + 2;
    const std::size_t end = page.find('<', from);
    if (end != page.npos) return shortened(page.substr(from, end - from));
  }
  return {};
}

/// The first of these members that is a text: others send a boolean `error` beside the text.
std::string text_in(const json::object& o) {
  for (const char* name : {"message", "error", "msg"}) {
    const json::value* v = json::find(o, name);
    if (v && v->is_string() && !v->get_string().empty()) return shortened(std::string_view(v->get_string()));
  }
  return {};
}

std::vector<field_error> fields_in(const json::object& o) {
  std::vector<field_error> found;
  const json::value* data = json::find(o, "data");
  const json::value* errors = data && data->is_object() ? json::find(data->get_object(), "errors") : nullptr;
  if (!errors || !errors->is_array()) return found;
  for (const json::value& each : errors->get_array()) {
    if (!each.is_object() || found.size() == 100) continue;
    found.push_back({shortened(json::string_or(each.get_object(), "field")),
                     shortened(json::string_or(each.get_object(), "message"))});
  }
  return found;
}

bool changes_something(std::string_view method) noexcept { return method != "GET" && method != "HEAD"; }

failure why_of(int status, const json::object* said, bool page) {
  switch (status) {
  case 401:
    return page ? failure::gateway : failure::not_authenticated;
  case 403:
    if (said && json::bool_or(*said, "two_factor_authentication_required", false))
      return failure::two_factor_setup_required;
    return page ? failure::gateway : failure::not_allowed;
  case 404:
    return page ? failure::not_kitsu : failure::not_found;
  case 405:
    return page ? failure::not_kitsu : failure::method_not_allowed;
  case 408:
    return failure::timeout;
  case 409:
    return failure::conflict;
  case 413:
    return failure::too_large;
  case 422: // a token that is garbage, foreign or of the wrong kind is told under "msg" alone
    return said && json::find(*said, "msg") && !json::find(*said, "error") ? failure::not_authenticated
                                                                           : failure::invalid;
  case 429:
    return failure::rate_limited;
  case 501: // how servers of files answer a POST
    return page ? failure::not_kitsu : failure::server_error;
  case 502:
  case 503:
  case 504:
    return failure::gateway;
  default:
    break;
  }
  if (status >= 500) return page ? failure::gateway : failure::server_error;
  if (status >= 400) return failure::invalid;
  return failure::not_kitsu;
}

} // namespace

bool is_page(std::string_view content_type, std::string_view body) noexcept {
  if (content_type.substr(0, 9) == "text/html" || content_type.substr(0, 21) == "application/xhtml+xml") return true;
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  return first != body.npos && body[first] == '<';
}

std::optional<json::value> json_of(std::string_view body) {
  // What is parsed here is small, by nature; a long one would keep the loop.
  if (body.empty() || body.size() > max_small_body_bytes) return std::nullopt;
  try {
    return json::parse(body);
  } catch (const error&) {
    return std::nullopt;
  }
}

failed_call classify(const refusal& answer) {
  const bool page = is_page(answer.content_type, answer.body);
  const auto parsed = page ? std::nullopt : json_of(answer.body);
  const json::object* said = parsed ? parsed->if_object() : nullptr;
  failed_call call;
  call.method = answer.method;
  call.path = answer.path;
  call.status = answer.status;
  call.attempts = answer.attempts;
  call.why = why_of(answer.status, said, page);
  if (said) {
    call.message = text_in(*said);
    call.field_errors = fields_in(*said);
  } else if (page) {
    call.message = title_of(answer.body);
  } else {
    call.message = shortened(std::string_view(answer.body).substr(0, 200));
  }
  if (answer.status / 100 == 3 && !answer.location.empty())
    call.message = "it sends on to " + shortened(answer.location) + "; use that as the host";
  call.may_have_been_carried_out = changes_something(answer.method) && answer.status >= 500 && answer.status != 501;
  call.body = answer.body.substr(0, kept_body_bytes);
  return call;
}

failed_call classify(const http::transport_error& problem, std::string method, std::string path) {
  failed_call call;
  switch (problem.code()) {
  case errc::timeout:
    call.why = failure::timeout;
    break;
  case errc::too_large:
    call.why = failure::too_large;
    break;
  case errc::corrupt:
    call.why = failure::not_kitsu;
    break;
  default:
    call.why = problem.request_sent() ? failure::broken_off : failure::unreachable;
    break;
  }
  call.may_have_been_carried_out = problem.request_sent() && changes_something(method);
  call.method = std::move(method);
  call.path = std::move(path);
  call.message = problem.what();
  return call;
}

request_error not_kitsu(const refusal& answer, std::string message) {
  failed_call call;
  call.why = failure::not_kitsu;
  call.method = answer.method;
  call.path = answer.path;
  call.status = answer.status;
  call.attempts = answer.attempts;
  call.message = std::move(message);
  if (is_page(answer.content_type, answer.body)) {
    if (const std::string title = title_of(answer.body); !title.empty()) call.message += ": \"" + title + "\"";
  }
  call.body = answer.body.substr(0, kept_body_bytes);
  call.may_have_been_carried_out = changes_something(answer.method);
  return request_error(std::move(call));
}

} // namespace weir::kitsu

#include <weir/kitsu/errors.hpp>

namespace weir::kitsu {
namespace {

errc code_of(failure why) noexcept {
  switch (why) {
  case failure::invalid:
  case failure::method_not_allowed:
    return errc::invalid_argument;
  case failure::not_authenticated:
  case failure::two_factor_setup_required:
  case failure::not_allowed:
    return errc::permission_denied;
  case failure::not_found:
    return errc::not_found;
  case failure::conflict:
    return errc::already_exists;
  case failure::too_large:
    return errc::too_large;
  case failure::rate_limited:
  case failure::gateway:
  case failure::unreachable:
  case failure::broken_off:
    return errc::unavailable;
  case failure::timeout:
    return errc::timeout;
  case failure::server_error:
  case failure::not_kitsu:
    return errc::remote;
  }
  return errc::remote;
}

std::string_view meaning(const failed_call& call) noexcept {
  switch (call.why) {
  case failure::not_authenticated:
    return "the login is not accepted, or no longer; log in again";
  case failure::two_factor_setup_required:
    return "this account must set up two-factor authentication first, in Kitsu";
  case failure::not_allowed:
    return "this user may not do that";
  case failure::not_found:
    return "there is no such entry, or no such address";
  case failure::method_not_allowed:
    return "the server does not offer that method at this address";
  case failure::too_large:
    return call.status == 0
               ? "the answer is larger than allowed; ask for less (pages, fields, shots_with_tasks) or raise "
                 "max_response_bytes"
               : "it is larger than the server allows";
  case failure::rate_limited:
    return "too many requests; try again later";
  case failure::gateway:
    return "the server cannot answer at the moment, or a proxy in front of it did";
  case failure::not_kitsu:
    return "this is not the answer of a Kitsu server; check the host";
  case failure::broken_off:
    return "the connection ended before the answer was complete";
  case failure::timeout:
    return "no answer in time";
  default:
    return "";
  }
}

std::string text_of(const failed_call& call) {
  std::string text = call.method + " " + (call.path.empty() ? "/" : call.path) + ":";
  if (call.status != 0) text += " " + std::to_string(call.status);
  const std::string_view means = meaning(call);
  if (call.status != 0 && !(means.empty() && call.message.empty() && call.field_errors.empty())) text += ",";
  if (!means.empty()) text.append(" ").append(means);
  if (!call.message.empty()) text.append(means.empty() ? " " : ": ").append(call.message);
  for (const field_error& each : call.field_errors)
    text.append(&each == call.field_errors.data() && means.empty() && call.message.empty() ? " " : "; ")
        .append(each.field)
        .append(": ")
        .append(each.message);
  if (call.may_have_been_carried_out) text += " (it may have been carried out all the same: look before you repeat it)";
  return text;
}

} // namespace

std::string_view to_string(failure what) noexcept {
  switch (what) {
  case failure::invalid:
    return "invalid";
  case failure::not_authenticated:
    return "not_authenticated";
  case failure::two_factor_setup_required:
    return "two_factor_setup_required";
  case failure::not_allowed:
    return "not_allowed";
  case failure::not_found:
    return "not_found";
  case failure::method_not_allowed:
    return "method_not_allowed";
  case failure::conflict:
    return "conflict";
  case failure::too_large:
    return "too_large";
  case failure::rate_limited:
    return "rate_limited";
  case failure::server_error:
    return "server_error";
  case failure::gateway:
    return "gateway";
  case failure::not_kitsu:
    return "not_kitsu";
  case failure::unreachable:
    return "unreachable";
  case failure::broken_off:
    return "broken_off";
  case failure::timeout:
    return "timeout";
  }
  return "unknown";
}

request_error::request_error(failed_call call) : error(code_of(call.why), text_of(call)), call_(std::move(call)) {
  with_status(call_.status);
}

} // namespace weir::kitsu

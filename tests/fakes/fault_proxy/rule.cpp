#include "fakes/fault_proxy/rule.hpp"

#include "fakes/fault_proxy/reason.hpp"

namespace weir::fakes::faults {

namespace {

action cutting(action::cut how, std::uint64_t body_bytes) {
  action a;
  a.cutting = how;
  a.cut_after_bytes = body_bytes;
  return a;
}

action changing(header_change change) {
  action a;
  a.headers.push_back(std::move(change));
  return a;
}

} // namespace

action delay(milliseconds time) {
  action a;
  a.delay = time;
  return a;
}

action delay_response(milliseconds time) {
  action a;
  a.delay_response = time;
  return a;
}

action throttle_response(std::size_t bytes_per_second) {
  action a;
  a.response_bytes_per_second = bytes_per_second;
  return a;
}

action throttle_request(std::size_t bytes_per_second) {
  action a;
  a.request_bytes_per_second = bytes_per_second;
  return a;
}

action reset_after(std::uint64_t body_bytes) { return cutting(action::cut::reset, body_bytes); }

action close_after(std::uint64_t body_bytes) { return cutting(action::cut::close, body_bytes); }

action stall_after(std::uint64_t body_bytes) { return cutting(action::cut::stall, body_bytes); }

action wrong_length(std::int64_t change) {
  action a;
  a.length_change = change;
  return a;
}

action drop_length() {
  action a;
  a.drop_length = true;
  return a;
}

action drop_length_and_cut(std::uint64_t body_bytes) {
  action a = close_after(body_bytes);
  a.drop_length = true;
  return a;
}

action status(own_answer answer) {
  action a;
  a.answer = std::move(answer);
  return a;
}

action status(int status_code, std::string body, std::string content_type) {
  return status(own_answer{status_code, std::move(body), std::move(content_type), {}});
}

action expired() { return status(401, R"({"error": true, "message": "Signature has expired"})"); }

action unauthorized(std::string text) { return status(401, R"({"msg": ")" + text + R"("})"); }

action too_many(int retry_after_seconds) {
  return status(own_answer{429,
                           R"({"message": "Too many requests"})",
                           "application/json",
                           {{"Retry-After", std::to_string(retry_after_seconds)}}});
}

action gateway_error(int status_code) {
  const std::string title = std::to_string(status_code) + " " + net::reason(status_code);
  return status(status_code,
                "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
                    "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
                "text/html");
}

action login_page() {
  return status(
      200,
      "<!doctype html>\n<html><head><title>Sign in</title></head><body><form method=\"post\" "
      "action=\"/login\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\n",
      "text/html; charset=utf-8");
}

action redirect(std::string location, int status_code) {
  return status(own_answer{status_code, "", "text/plain", {{"Location", std::move(location)}}});
}

action early(own_answer answer) {
  action a = status(std::move(answer));
  a.before_body = true;
  a.close_after_answer = true;
  return a;
}

action answer_then_close() {
  action a;
  a.close_after_answer = true;
  return a;
}

action cut_before_forwarding() {
  action a;
  a.losing = action::lose::before_forwarding;
  return a;
}

action cut_after_forwarding() {
  action a;
  a.losing = action::lose::after_forwarding;
  return a;
}

action refuse(milliseconds time) {
  action a;
  a.refuse_for = time;
  return a;
}

action late_401(milliseconds time) {
  action a = expired();
  a.delay_response = time;
  return a;
}

action add_header(std::string name, std::string value) {
  return changing({header_change::kind::add, std::move(name), std::move(value)});
}

action remove_header(std::string name) { return changing({header_change::kind::remove, std::move(name), ""}); }

action replace_header(std::string name, std::string value) {
  return changing({header_change::kind::replace, std::move(name), std::move(value)});
}

action dates(std::chrono::seconds shift) {
  action a;
  a.shift_date = shift;
  return a;
}

} // namespace weir::fakes::faults

#include "http/response_head.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace weir::http {

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
  case 100:
    return "Continue";
  case 101:
    return "Switching Protocols";
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 203:
    return "Non-Authoritative Information";
  case 204:
    return "No Content";
  case 205:
    return "Reset Content";
  case 206:
    return "Partial Content";
  case 300:
    return "Multiple Choices";
  case 301:
    return "Moved Permanently";
  case 302:
    return "Found";
  case 303:
    return "See Other";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 308:
    return "Permanent Redirect";
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
  case 406:
    return "Not Acceptable";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 411:
    return "Length Required";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 417:
    return "Expectation Failed";
  case 421:
    return "Misdirected Request";
  case 422:
    return "Unprocessable Content";
  case 426:
    return "Upgrade Required";
  case 428:
    return "Precondition Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  case 507:
    return "Insufficient Storage";
  default:
    return "Unknown";
  }
}

namespace detail {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

std::string date_line(std::time_t now) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::string line = "Date: ";
  const auto two = [&line](int n) {
    line += static_cast<char>('0' + n / 10);
    line += static_cast<char>('0' + n % 10);
  };
  line.append(days[utc.tm_wday]).append(", ");
  two(utc.tm_mday);
  line.append(" ").append(months[utc.tm_mon]).append(" ");
  append_number(line, static_cast<std::uint64_t>(utc.tm_year + 1900));
  line += ' ';
  two(utc.tm_hour);
  line += ':';
  two(utc.tm_min);
  line += ':';
  two(utc.tm_sec);
  return line += " GMT\r\n";
}

// Framing and persistence are the server's own business: two opinions in one head would be a smuggling hole.
bool is_server_field(std::string_view name) noexcept {
  switch (name.size()) {
  case 10:
    return equals_ignoring_case(name, "Connection") || equals_ignoring_case(name, "Keep-Alive");
  case 14:
    return equals_ignoring_case(name, "Content-Length");
  case 17:
    return equals_ignoring_case(name, "Transfer-Encoding");
  default:
    return false;
  }
}

} // namespace

void append_date(std::string& out, std::time_t now) {
  thread_local std::time_t second = -1;
  thread_local std::string line;
  if (now != second) {
    line = date_line(now);
    second = now;
  }
  out += line;
}

void append_head(std::string& out, int status, const headers& fields, const head_options& options) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += reason_phrase(status);
  out += "\r\n";
  if (!fields.contains("Date")) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    append_date(out, now.tv_sec);
  }
  for (const headers::field& field : fields) {
    if (is_server_field(field.name)) continue;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (options.body == framing::length) {
    out += "Content-Length: ";
    append_number(out, options.length);
    out += "\r\n";
  } else if (options.body == framing::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (options.connection == persistence::close)
    out += "Connection: close\r\n";
  else if (options.connection == persistence::keep_alive)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

} // namespace detail
} // namespace weir::http

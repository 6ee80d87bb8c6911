#include "request.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace fake {
namespace {

constexpr std::size_t max_head_bytes = 64 * 1024;
constexpr millis idle_limit{75000};
constexpr millis body_limit{600000};

name_values parse_query(std::string_view text) {
  name_values out;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto eq = std::min(pair.find('='), pair.size());
    out.emplace_back(percent_decode(pair.substr(0, eq), true),
                     eq < pair.size() ? percent_decode(pair.substr(eq + 1), true) : "");
  }
  return out;
}

bool is_token(std::string_view s) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !s.empty() && std::ranges::all_of(s, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || marks.find(c) != marks.npos;
  });
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (failed != std::errc{} || end != text.data() + text.size() || text.empty())
    throw malformed_request{400, "a length in the request is no number"};
  return n;
}

void parse_request_line(std::string_view text, request& r) {
  const auto a = text.find(' '), b = text.rfind(' ');
  if (a == text.npos || a == b) throw malformed_request{400, "the request line is malformed"};
  r.method = text.substr(0, a);
  r.target = text.substr(a + 1, b - a - 1);
  const auto version = text.substr(b + 1);
  if (!is_token(r.method) || r.target.empty() || r.target[0] != '/' || r.target.find(' ') != r.target.npos)
    throw malformed_request{400, "the request line is malformed"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") throw malformed_request{505, "only HTTP/1.1 is spoken here"};
  r.keep_alive = version == "HTTP/1.1";
  const auto mark = std::min(r.target.find('?'), r.target.size());
  r.path = r.target.substr(0, mark);
  if (mark < r.target.size()) r.query = parse_query(std::string_view(r.target).substr(mark + 1));
}

} // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<std::string_view> request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string_view> request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

bool request_reader::fill(millis limit) {
  std::array<char, 65536> chunk;
  const auto n = connection_.read_some(chunk.data(), chunk.size(), limit);
  buffer_.append(chunk.data(), n);
  return n > 0;
}

std::string request_reader::line(std::size_t max_bytes) {
  std::size_t end = 0, from = 0;
  while ((end = buffer_.find("\r\n", from)) == buffer_.npos) {
    if (buffer_.size() > max_bytes) throw malformed_request{431, "the request head is too large"};
    from = buffer_.empty() ? 0 : buffer_.size() - 1;
    if (!fill(body_limit)) throw connection_lost{};
  }
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return out;
}

void request_reader::read_exactly(std::string& to, std::uint64_t size) {
  const auto ready = std::min<std::uint64_t>(size, buffer_.size());
  const auto start = to.size();
  to.append(buffer_, 0, ready);
  buffer_.erase(0, ready);
  std::uint64_t have = ready;
  while (have < size) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(size - have, 1u << 20));
    to.resize(start + have + step);
    const auto n = connection_.read_some(to.data() + start + have, step, body_limit);
    if (n == 0) throw connection_lost{};
    have += n;
    to.resize(start + have);
  }
}

void request_reader::read_chunks(request& r) {
  for (;;) {
    const auto text = line(1024);
    const auto size = number(trim(std::string_view(text).substr(0, text.find(';'))), 16);
    if (size == 0) break;
    if (size > max_body_bytes_ || r.body.size() + size > max_body_bytes_)
      throw malformed_request{413, "the request body is too large"};
    read_exactly(r.body, size);
    if (!line(2).empty()) throw malformed_request{400, "a chunk does not end where it said"};
  }
  while (!line(max_head_bytes).empty()) {} // trailers
}

void request_reader::read_body(request& r) {
  const auto coding = r.header("transfer-encoding");
  const auto length = r.header("content-length");
  if (coding && length) throw malformed_request{400, "both Content-Length and Transfer-Encoding"};
  if (!coding && !length) return;
  if (coding && lower(*coding) != "chunked") throw malformed_request{501, "unknown Transfer-Encoding"};
  const auto size = length ? number(*length, 10) : 0;
  if (size > max_body_bytes_) throw malformed_request{413, "the request body is too large"};
  if (const auto expect = r.header("expect"); expect && lower(*expect) == "100-continue" && buffer_.empty())
    connection_.write_all("HTTP/1.1 100 Continue\r\n\r\n");
  if (coding)
    read_chunks(r);
  else
    read_exactly(r.body, size);
}

std::optional<request> request_reader::next() {
  if (buffer_.empty() && !fill(idle_limit)) return std::nullopt;
  request r;
  parse_request_line(line(max_head_bytes), r);
  std::size_t head_bytes = 0;
  for (std::string text; !(text = line(max_head_bytes)).empty();) {
    head_bytes += text.size() + 2;
    const auto colon = text.find(':');
    if (head_bytes > max_head_bytes) throw malformed_request{431, "the request head is too large"};
    if (colon == text.npos || !is_token(std::string_view(text).substr(0, colon)))
      throw malformed_request{400, "a header line is malformed"};
    auto name = lower(std::string_view(text).substr(0, colon));
    if ((name == "content-length" || name == "transfer-encoding" || name == "host") && r.header(name))
      throw malformed_request{400, "the header " + name + " is given twice"};
    r.headers.emplace_back(std::move(name), trim(std::string_view(text).substr(colon + 1)));
  }
  if (const auto c = r.header("connection")) {
    if (lower(*c).find("close") != std::string::npos) r.keep_alive = false;
    if (lower(*c).find("keep-alive") != std::string::npos) r.keep_alive = true;
  }
  read_body(r);
  return r;
}

} // namespace fake

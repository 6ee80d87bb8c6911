#include "fakes/fault_proxy/message.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace weir::fakes::net {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool named(std::string_view line, std::string_view name) {
  const std::size_t colon = line.find(':');
  return colon != std::string_view::npos && same(line.substr(0, colon), name);
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (wrong != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<body_shape> by_length(const head& h, framing otherwise) {
  const auto length = h.get("Content-Length");
  if (!length) return body_shape{otherwise, 0};
  const auto value = number(*length, 10);
  if (!value) return std::nullopt;
  return body_shape{*value ? framing::length : framing::none, *value};
}

} // namespace

std::optional<head> head::parse(std::string_view text) {
  if (!text.ends_with("\r\n\r\n")) return std::nullopt;
  text.remove_suffix(2);
  std::size_t end = text.find("\r\n");
  head h{std::string(text.substr(0, end))};
  if (h.start_.find("HTTP/1.") == std::string::npos) return std::nullopt;
  for (text.remove_prefix(end + 2); !text.empty(); text.remove_prefix(end + 2)) {
    end = text.find("\r\n");
    h.lines_.emplace_back(text.substr(0, end));
    if (h.lines_.back().find(':') == std::string::npos) return std::nullopt;
  }
  return h;
}

std::string head::word(int index) const {
  std::string_view rest = start_;
  for (int i = 0; i < index; ++i) rest.remove_prefix(std::min(rest.size(), rest.find(' ') + 1));
  return std::string(rest.substr(0, rest.find(' ')));
}

int head::status() const { return static_cast<int>(number(word(1), 10).value_or(0)); }

bool head::http_1_0() const { return start_.find("HTTP/1.0") != std::string::npos; }

std::optional<std::string> head::get(std::string_view name) const {
  for (const std::string& line : lines_)
    if (named(line, name)) return std::string(trimmed(std::string_view(line).substr(name.size() + 1)));
  return std::nullopt;
}

void head::add(std::string_view name, std::string_view value) {
  lines_.push_back(std::string(name).append(": ").append(value));
}

void head::remove(std::string_view name) {
  std::erase_if(lines_, [&](const std::string& line) { return named(line, name); });
}

void head::replace(std::string_view name, std::string_view value) {
  for (std::string& line : lines_) {
    if (!named(line, name)) continue;
    line.resize(name.size());
    line.append(": ").append(value);
    return;
  }
  add(name, value);
}

bool head::lists(std::string_view name, std::string_view word) const {
  const std::string all = get(name).value_or("");
  for (std::string_view rest = all; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (same(trimmed(rest.substr(0, comma)), word)) return true;
    rest.remove_prefix(std::min(rest.size(), comma + 1));
  }
  return false;
}

std::string head::text() const {
  std::string text = start_ + "\r\n";
  for (const std::string& line : lines_) text.append(line).append("\r\n");
  return text.append("\r\n");
}

std::optional<body_shape> body_of_request(const head& h) {
  if (h.lists("Transfer-Encoding", "chunked")) return body_shape{framing::chunked, 0};
  return by_length(h, framing::none);
}

std::optional<body_shape> body_of_answer(const head& h, std::string_view request_method) {
  const int status = h.status();
  if (request_method == "HEAD" || status / 100 == 1 || status == 204 || status == 304) return body_shape{};
  if (h.lists("Transfer-Encoding", "chunked")) return body_shape{framing::chunked, 0};
  return by_length(h, framing::until_close);
}

bool body_reader::next(piece& p) {
  p = {};
  if (complete_ || shape_.how == framing::none) {
    complete_ = true;
    return false;
  }
  if (shape_.how == framing::chunked) return next_chunk(p);
  const bool counted = shape_.how == framing::length;
  p.raw = from_.read_some(counted ? std::min<std::uint64_t>(left_, piece_bytes) : piece_bytes);
  p.payload_bytes = p.raw.size();
  if (p.raw.empty()) {
    complete_ = !counted && !from_.was_reset();
    return false;
  }
  if (counted) left_ -= p.raw.size();
  p.last = complete_ = counted && left_ == 0;
  return true;
}

bool body_reader::next_chunk(piece& p) {
  if (left_ == 0) {
    auto line = from_.read_line();
    if (!line) return false;
    std::string_view size = std::string_view(*line).substr(0, line->size() - 2);
    const auto value = number(trimmed(size.substr(0, size.find(';'))), 16);
    if (!value) return false;
    p.raw = *line;
    left_ = *value;
    if (left_ == 0) {
      // Trailers, and the blank line that ends them.
      do {
        line = from_.read_line();
        if (!line) return false;
        p.raw += *line;
      } while (*line != "\r\n");
      p.last = complete_ = true;
      return true;
    }
  }
  const std::string data = from_.read_some(std::min<std::uint64_t>(left_, piece_bytes));
  if (data.empty()) return false;
  p.payload_at = p.raw.size();
  p.payload_bytes = data.size();
  p.raw += data;
  left_ -= data.size();
  if (left_ > 0) return true;
  const auto end = from_.read_line();
  if (!end || *end != "\r\n") return false;
  p.raw += *end;
  return true;
}

std::string body_reader::read_all() {
  std::string all;
  for (piece p; next(p);) all += p.payload();
  return all;
}

std::uint64_t body_reader::skip_all() {
  std::uint64_t bytes = 0;
  for (piece p; next(p);) bytes += p.payload_bytes;
  return bytes;
}

} // namespace weir::fakes::net

#include <weir/core/error.hpp>

#include <fmt/format.h>
#include <media/base64_simd.hpp>
#include <media/json_push_lexer.hpp>

namespace weir::media::detail {

namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

constexpr bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' || c == '+' || c == '.';
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

} // namespace

void json_push_lexer::unexpected(char c, std::string_view wanted) const {
  const auto offset = base_ + static_cast<std::uint64_t>(next_ - chunk_);
  throw error(errc::corrupt,
              fmt::format("the JSON text is broken at offset {}: byte 0x{:02X} stands where {} must follow", offset,
                          static_cast<unsigned char>(c), wanted));
}

void json_push_lexer::feed(std::string_view chunk) {
  chunk_ = chunk.data();
  const char* const end = chunk_ + chunk.size();
  for (next_ = chunk_; next_ != end;) {
    switch (state_) {
    case state::string:
      next_ = string(next_, end);
      break;
    case state::escape:
      next_ = escape(next_);
      break;
    case state::scalar:
      next_ = scalar(next_, end);
      break;
    default:
      next_ = structure(next_);
    }
  }
  base_ += chunk.size();
  chunk_ = next_ = nullptr;
}

void json_push_lexer::finish() {
  if (state_ == state::scalar) state_ = state::after_value;
  if (state_ != state::after_value || !objects_.empty())
    throw error(errc::corrupt, fmt::format("the JSON text stops early, after {} bytes", base_));
}

const char* json_push_lexer::structure(const char* next) {
  const char c = *next;
  if (is_space(c)) return next + 1;
  switch (state_) {
  case state::first_key:
    if (c == '}') {
      close(true, c);
      return next + 1;
    }
    [[fallthrough]];
  case state::key:
    if (c != '"') unexpected(c, "a key");
    begin_string(true);
    return next + 1;
  case state::colon:
    if (c != ':') unexpected(c, "a colon");
    events_.on_colon();
    state_ = state::value;
    return next + 1;
  case state::after_value:
    if (objects_.empty()) unexpected(c, "the end");
    if (c == ',') {
      events_.on_comma(objects_.size());
      state_ = objects_.back() ? state::key : state::value;
    } else if (c == '}' || c == ']') {
      close(c == '}', c);
    } else {
      unexpected(c, "a comma or the end of the container");
    }
    return next + 1;
  case state::first_element:
    if (c == ']') {
      close(false, c);
      return next + 1;
    }
    [[fallthrough]];
  default:
    if (c == '{' || c == '[') {
      open(c == '{');
      return next + 1;
    }
    if (c == '"') {
      begin_string(false);
      return next + 1;
    }
    if (!is_scalar(c)) unexpected(c, "a value");
    state_ = state::scalar;
    return next;
  }
}

void json_push_lexer::open(bool object) {
  if (objects_.size() >= max_depth_)
    throw error(errc::too_large, fmt::format("the JSON text is nested deeper than {} levels", max_depth_));
  objects_.push_back(object);
  state_ = object ? state::first_key : state::first_element;
  events_.on_open(object, objects_.size());
}

void json_push_lexer::close(bool object, char c) {
  if (objects_.back() != object) unexpected(c, object ? "the end of the array" : "the end of the object");
  events_.on_close(object, objects_.size());
  objects_.pop_back();
  state_ = state::after_value;
}

const char* json_push_lexer::scalar(const char* next, const char* end) {
  const char* stop = next;
  while (stop != end && is_scalar(*stop)) ++stop;
  if (stop != next) events_.on_scalar(std::string_view(next, static_cast<std::size_t>(stop - next)));
  if (stop != end) state_ = state::after_value;
  return stop;
}

void json_push_lexer::begin_string(bool key) {
  key_ = key;
  state_ = state::string;
  events_.on_string_begin(key, objects_.size());
}

const char* json_push_lexer::string(const char* next, const char* end) {
  const std::string_view rest(next, static_cast<std::size_t>(end - next));
  const std::size_t plain = find_string_special(rest);
  if (plain != 0) events_.on_string_piece(rest.substr(0, plain));
  if (plain == rest.size()) return end;
  next_ = next + plain;
  if (*next_ == '\\') {
    escape_.assign(1, '\\');
    state_ = state::escape;
  } else if (*next_ == '"') {
    events_.on_string_end(key_, objects_.size());
    state_ = key_ ? state::colon : state::after_value;
  } else {
    unexpected(*next_, "an escape instead of a control character");
  }
  return next_ + 1;
}

const char* json_push_lexer::escape(const char* next) {
  const char c = *next;
  escape_ += c;
  int code = -1;
  if (escape_.size() == 2) {
    switch (c) {
    case '"':
    case '\\':
    case '/':
      code = static_cast<unsigned char>(c);
      break;
    case 'b':
      code = '\b';
      break;
    case 'f':
      code = '\f';
      break;
    case 'n':
      code = '\n';
      break;
    case 'r':
      code = '\r';
      break;
    case 't':
      code = '\t';
      break;
    case 'u':
      return next + 1;
    default:
      unexpected(c, "an escape");
    }
  } else {
    if (hex_value(c) < 0) unexpected(c, "a hexadecimal digit");
    if (escape_.size() < 6) return next + 1;
    code = 0;
    for (char digit : std::string_view(escape_).substr(2)) code = code * 16 + hex_value(digit);
  }
  events_.on_escape(escape_, static_cast<std::uint16_t>(code));
  state_ = state::string;
  return next + 1;
}

} // namespace weir::media::detail

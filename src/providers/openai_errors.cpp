#include "providers/openai_errors.hpp"

#include <weir/http/client.hpp>
#include <weir/json/value.hpp>

#include <algorithm>
#include <optional>

namespace weir::providers::openai {
namespace {

constexpr std::size_t max_shown_characters = 500;
// A word that is shorter would be found in half of all texts, and is no secret.
constexpr std::size_t min_secret_bytes = 4;

std::string seconds_text(std::chrono::milliseconds wait) {
  const auto tenths = (wait.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " s";
}

void escape(std::string& out, unsigned code) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (code == '\n') {
    out += "\\n";
  } else {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[code >> shift & 15];
  }
}

struct character {
  unsigned code = 0;
  std::size_t bytes = 0; // 0: no UTF-8
};

character next_character(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  unsigned code = first & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (at(i) & 0x3f);
  }
  const bool valid = (bytes == 2) || (bytes == 3 && code >= 0x800 && (code < 0xd800 || code > 0xdfff)) ||
                     (bytes == 4 && code >= 0x10000 && code <= 0x10ffff);
  return valid ? character{code, bytes} : character{};
}

/// Characters that would end the line, clear the screen or turn the direction of writing.
bool is_control(unsigned code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

bool is_html(std::string_view body, const http::headers& headers) {
  const auto type = headers.get("Content-Type").value_or("");
  return type.find("html") != std::string_view::npos || body.starts_with("<!") || body.starts_with("<html");
}

/// The text in `v` where servers of this kind put it: a string, or an object with a "message"; FastAPI's "detail".
std::optional<std::string> text_of(const json::value& v) {
  if (v.is_string()) return std::string(v.get_string());
  if (const auto* o = v.if_object())
    for (const std::string_view key : {"message", "error", "detail"})
      if (const auto* inner = json::find(*o, key); inner && !inner->is_null()) {
        if (auto found = text_of(*inner)) return found;
        return json::serialize(*inner);
      }
  return std::nullopt;
}

std::string where_to(const http::headers& headers) {
  const std::string location(headers.get("Location").value_or(""));
  if (location.empty()) return "nowhere";
  if (location.find("://") != std::string::npos) return http::shown_url(location);
  return location.substr(0, location.find_first_of("?#"));
}

} // namespace

failures::failures(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {
  std::erase_if(secrets_, [](const std::string& s) { return s.size() < min_secret_bytes; });
  // The longer ones first: one may be a part of another.
  std::sort(secrets_.begin(), secrets_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string failures::shown(std::string_view text) const {
  // What is cut off below need not be searched; a secret that straddles that place is found still.
  std::string clean(text.substr(0, 16 * max_shown_characters));
  for (const std::string& secret : secrets_)
    for (std::size_t at = 0; (at = clean.find(secret, at)) != std::string::npos; at += 3)
      clean.replace(at, secret.size(), "***");
  std::string out;
  std::string_view rest = clean;
  for (std::size_t count = 0; !rest.empty(); ++count) {
    if (count == max_shown_characters) return out + "...";
    const character c = next_character(rest);
    if (c.bytes == 0)
      out += '?';
    else if (is_control(c.code))
      escape(out, c.code);
    else
      out += rest.substr(0, c.bytes);
    rest.remove_prefix(std::max<std::size_t>(c.bytes, 1));
  }
  return out;
}

std::string failures::message_in(std::string_view body, const http::headers& headers) const {
  if (body.empty()) return "";
  try {
    const json::value v = json::parse(body, {.max_bytes = 1 << 20});
    if (const auto text = text_of(v)) return ": " + shown(*text);
    return ": " + shown(body);
  } catch (const error&) {}
  if (is_html(body, headers)) return " with an HTML page";
  return ": " + shown(body);
}

void failures::refused(const purpose& why, int status, const http::headers& headers, std::string_view body) const {
  const std::string start = "could not " + why.doing + ": ";
  const std::string answered = "the server answered " + std::to_string(status);
  const std::string message = message_in(body, headers);
  const auto fail = [&](errc code, const std::string& text) { throw error(code, start + text).with_status(status); };
  if (status / 100 == 3)
    fail(errc::remote, answered + " and points to " + shown(where_to(headers)) +
                           (why.buys ? "; what may cost money is not sent to another address: if that one is right, "
                                       "set OPENAI_BASE_URL to it"
                                     : ""));
  if (status == 401 || status == 403)
    fail(errc::permission_denied, "the server refused the key or its rights (" + std::to_string(status) + ")" +
                                      message + ". See OPENAI_API_KEY");
  if (status == 404) fail(errc::not_found, answered + message);
  if (status == 400 || status == 422) fail(errc::invalid_argument, answered + message);
  if (status == 429) {
    const auto wait = http::retry_after(headers, std::chrono::system_clock::now());
    fail(errc::remote, "the server takes no more requests at the moment (429)" +
                           (wait ? " and asks to wait " + seconds_text(*wait) : "") + message);
  }
  if (status >= 500 && why.buys)
    fail(errc::maybe_bought, answered + message + "; it may have been bought all the same");
  throw error(errc::remote, start + answered + message).with_status(status);
}

void failures::broke(const purpose& why, const http::transport_error& failure) const {
  const std::string text = "could not " + why.doing + ": " + shown(failure.what());
  if (!why.buys) throw error(failure.code(), text);
  if (!failure.request_sent())
    throw error(failure.code() == errc::invalid_argument ? errc::invalid_argument : errc::unavailable,
                text + "; nothing was bought");
  throw error(errc::maybe_bought, text + "; the request was sent, so it may have been bought");
}

void failures::gave_up(const purpose& why, const http::status_error& failure) const {
  std::string text = "could not " + why.doing + ": " + shown(failure.what());
  if (why.buys && failure.status() == 429) text += "; nothing was bought";
  throw error(failure.status() == 404 ? errc::not_found : errc::remote, text).with_status(failure.status());
}

void failures::unusable(const purpose& why, std::string_view fault) const {
  const std::string text = "could not " + why.doing + ": the server's answer is broken: " + shown(fault);
  if (why.buys)
    throw error(errc::maybe_bought, text + "; the server says that it was carried out, so it may have been bought");
  throw error(errc::corrupt, text);
}

void failures::not_saved(const purpose& why, std::string_view fault) const {
  throw error(errc::maybe_bought, "could not " + why.doing + ": the picture came, so it was bought, but it could not " +
                                      "be saved: " + std::string(fault));
}

} // namespace weir::providers::openai

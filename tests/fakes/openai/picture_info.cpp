#include "picture.hpp"

#include <array>

namespace fake {
namespace {

unsigned at(std::string_view s, std::size_t i) { return static_cast<unsigned char>(s[i]); }
std::uint32_t big(std::string_view s, std::size_t i, int bytes) {
  std::uint32_t n = 0;
  for (int k = 0; k < bytes; ++k) n = n << 8 | at(s, i + static_cast<std::size_t>(k));
  return n;
}
std::uint32_t little(std::string_view s, std::size_t i, int bytes) {
  std::uint32_t n = 0;
  for (int k = bytes; k-- > 0;) n = n << 8 | at(s, i + static_cast<std::size_t>(k));
  return n;
}

// Walks the JPEG segments to the frame header (ITU-T T.81, B.2.2): SOF0..15 without DHT, JPG and DAC.
std::optional<picture_info> inspect_jpeg(std::string_view s) {
  std::size_t i = 2;
  while (i + 9 <= s.size()) {
    if (at(s, i) != 0xff) return std::nullopt;
    const auto marker = at(s, i + 1);
    if (marker == 0xff) {
      ++i;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
      return picture_info{picture_format::jpeg, big(s, i + 7, 2), big(s, i + 5, 2)};
    i += 2 + big(s, i + 2, 2);
  }
  return std::nullopt;
}

// RFC 9649, sections 2.5 to 2.7 and 3.4.
std::optional<picture_info> inspect_webp(std::string_view s) {
  if (s.size() < 30) return std::nullopt;
  const auto kind = s.substr(12, 4);
  if (kind == "VP8X") return picture_info{picture_format::webp, little(s, 24, 3) + 1, little(s, 27, 3) + 1};
  if (kind == "VP8 ") return picture_info{picture_format::webp, little(s, 26, 2) & 0x3fff, little(s, 28, 2) & 0x3fff};
  if (kind == "VP8L") {
    const auto bits = little(s, 21, 4);
    return picture_info{picture_format::webp, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
  }
  return std::nullopt;
}

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

std::optional<picture_info> inspect_picture(std::string_view s) {
  using namespace std::string_view_literals;
  if (s.size() >= 24 && s.starts_with("\x89PNG\r\n\x1a\n"sv) && s.substr(12, 4) == "IHDR")
    return picture_info{picture_format::png, big(s, 16, 4), big(s, 20, 4)};
  if (s.starts_with("\xff\xd8\xff"sv)) return inspect_jpeg(s);
  if (s.starts_with("RIFF") && s.size() > 12 && s.substr(8, 4) == "WEBP") return inspect_webp(s);
  return std::nullopt;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '=');
  std::size_t i = 0, o = 0;
  for (; i + 3 <= bytes.size(); i += 3, o += 4) {
    const auto n = big(bytes, i, 3);
    for (unsigned k = 0; k < 4; ++k) out[o + k] = alphabet[n >> (18 - 6 * k) & 63];
  }
  const auto rest = bytes.size() - i;
  if (rest > 0) {
    const auto n = big(bytes, i, static_cast<int>(rest)) << (rest == 1 ? 16 : 8);
    for (unsigned k = 0; k <= rest; ++k) out[o + k] = alphabet[n >> (18 - 6 * k) & 63];
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  static const auto table = [] {
    std::array<signed char, 256> t;
    t.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
      t[static_cast<unsigned char>(alphabet[i])] = static_cast<signed char>(i);
    return t;
  }();
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int v = table[static_cast<unsigned char>(c)];
    if (v < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(v);
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 255);
  }
  return out;
}

} // namespace fake

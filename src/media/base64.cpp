#include <weir/core/error.hpp>
#include <weir/media/base64.hpp>

#include <fmt/format.h>
#include <media/base64_simd.hpp>

#include <algorithm>
#include <array>

namespace weir::media {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum : std::uint8_t { pad = 64, space = 65, foreign = 66 };

constexpr auto kinds = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(foreign);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  table['='] = pad;
  for (unsigned char c : {' ', '\t', '\n', '\f', '\r'}) table[c] = space;
  return table;
}();

std::uint8_t kind_of(char c) noexcept { return kinds[static_cast<unsigned char>(c)]; }

[[noreturn]] void refuse(std::uint64_t offset, std::string_view why) {
  throw error(errc::corrupt, fmt::format("the base64 text is broken at offset {}: {}", offset, why));
}

} // namespace

// Takes characters one by one up to the end of a group, so that the caller can go on with whole groups.
// `next` points at the character with offset consumed_; at least one character must be there.
const char* base64_decoder::one(const char* next, char*& out) {
  const std::uint8_t kind = kind_of(*next);
  const std::uint64_t offset = consumed_++;
  if (kind == space) return next + 1;
  if (kind == foreign)
    refuse(offset, fmt::format("byte 0x{:02X} is not in the alphabet", static_cast<unsigned char>(*next)));
  if (ended_) refuse(offset, "there is text behind the padding");
  if (kind == pad) {
    if (held_ < 2) refuse(offset, "padding may stand only in the last two places of a group of four");
    ++padding_;
    group_ <<= 6;
  } else {
    if (padding_ != 0) refuse(offset, "there is text behind the padding");
    group_ = group_ << 6 | kind;
  }
  if (++held_ < 4) return next + 1;
  if ((padding_ == 1 && (group_ & 0xFF) != 0) || (padding_ == 2 && (group_ & 0xFFFF) != 0))
    refuse(offset, "bits are set behind the last byte");
  const char bytes[3] = {static_cast<char>(group_ >> 16), static_cast<char>(group_ >> 8), static_cast<char>(group_)};
  out = std::copy_n(bytes, 3 - padding_, out);
  ended_ = padding_ != 0;
  group_ = 0;
  held_ = 0;
  return next + 1;
}

// Decodes until the text ends or fewer than three bytes of room are left.
void base64_decoder::fill(const char*& next, const char* end, char*& out, char* out_end) {
  while (next != end && out_end - out >= 3) {
    if (held_ == 0 && !ended_) {
      const auto bulk = detail::base64_decode_bulk(next, static_cast<std::size_t>(end - next), out,
                                                   static_cast<std::size_t>(out_end - out));
      next += bulk.read;
      out += bulk.written;
      consumed_ += bulk.read;
    }
    // By hand to the end of a group begun earlier, or past what stopped the bulk decoder (most often a line break).
    for (bool past = held_ != 0; next != end && out_end - out >= 3 && !(past && held_ == 0);) {
      past = past || kind_of(*next) >= pad;
      next = one(next, out);
    }
  }
}

void base64_decoder::decode(std::string_view chunk, const base64_sink& sink) {
  const char* next = chunk.data();
  const char* const end = next + chunk.size();
  char block[block_bytes];
  while (next != end) {
    char* out = block;
    fill(next, end, out, block + block_bytes);
    const auto written = static_cast<std::size_t>(out - block);
    decoded_bytes_ += written;
    if (written != 0) sink(std::string_view(block, written));
  }
}

void base64_decoder::finish() const {
  if (held_ != 0) refuse(consumed_, fmt::format("the text ends inside a group ({} of 4 characters)", held_));
}

std::string base64_decode(std::string_view text) {
  // Room for one group more than the text can hold, so that the text always ends first.
  std::string bytes(text.size() / 4 * 3 + 6, '\0');
  const char* next = text.data();
  char* out = bytes.data();
  base64_decoder decoder;
  decoder.fill(next, next + text.size(), out, bytes.data() + bytes.size());
  decoder.finish();
  bytes.resize(static_cast<std::size_t>(out - bytes.data()));
  return bytes;
}

std::string base64_encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  const auto bulk = detail::base64_encode_bulk(bytes.data(), bytes.size(), text.data(), text.size());
  char* out = text.data() + bulk.written;
  std::size_t at = bulk.read;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = alphabet[group >> shift & 63];
  }
  if (const std::size_t left = bytes.size() - at; left != 0) {
    const std::uint32_t group = byte(at) << 16 | (left == 2 ? byte(at + 1) << 8 : 0);
    *out++ = alphabet[group >> 18 & 63];
    *out++ = alphabet[group >> 12 & 63];
    *out++ = left == 2 ? alphabet[group >> 6 & 63] : '=';
    *out++ = '=';
  }
  return text;
}

} // namespace weir::media

#include <media/base64_simd.hpp>

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "media/base64_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weir::media::detail {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

bulk_progress decode_bulk(const char*, std::size_t, char*, std::size_t) { return {}; }
bulk_progress encode_bulk(const char*, std::size_t, char*, std::size_t) { return {}; }
std::size_t find_special(const char*, std::size_t) { return 0; }

#else

using tag8 = hn::ScalableTag<std::uint8_t>;
using tag16 = hn::Repartition<std::uint16_t, tag8>;
using tag32 = hn::Repartition<std::uint32_t, tag8>;

// A character is in the alphabet when the classes of its two nibbles share no bit. Each bit stands for a set of high
// nibbles with the same gaps: bit 0 for row 2 ("+" and "/" only), bit 1 for row 3 (digits), bit 2 for rows 4 and 6
// (no "@" or backquote), bit 3 for rows 5 and 7 (end at "Z"/"z"), bit 4 for rows without any character.
alignas(16) constexpr std::uint8_t high_class[16] = {16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16};
alignas(16) constexpr std::uint8_t low_class[16] = {
    1 | 4 | 16, 1 | 16, 1 | 16,     1 | 16,     1 | 16,         1 | 16,         1 | 16,         1 | 16,
    1 | 16,     1 | 16, 1 | 2 | 16, 2 | 8 | 16, 1 | 2 | 8 | 16, 1 | 2 | 8 | 16, 1 | 2 | 8 | 16, 2 | 8 | 16};
// What to add to a character to get its value, by high nibble; "/" takes the otherwise unused entry 1.
alignas(16) constexpr std::uint8_t to_value[16] = {0, 16, 19, 4, 191, 191, 185, 185};
// Each 32-bit lane holds 24 bits with the first byte on top: take the bytes in their order and close the gaps.
alignas(16) constexpr std::uint8_t pack_bytes[16] = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 128, 128, 128, 128};
alignas(16) constexpr std::uint8_t spread_bytes[16] = {2, 1, 0, 128, 5, 4, 3, 128, 8, 7, 6, 128, 11, 10, 9, 128};
// What to add to a value to get its character, by the number made in encode_bulk.
alignas(16) constexpr std::uint8_t to_character[16] = {71,  252, 252, 252, 252, 252, 252, 252,
                                                       252, 252, 252, 237, 240, 65,  0,   0};

constexpr std::size_t max_lanes32 = hn::MaxLanes(tag32());

bulk_progress decode_bulk(const char* text, std::size_t size, char* out, std::size_t room) {
  const tag8 d;
  const tag16 d16;
  const tag32 d32;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t step = lanes / 4 * 3;
  const auto high_classes = hn::LoadDup128(d, high_class);
  const auto low_classes = hn::LoadDup128(d, low_class);
  const auto values = hn::LoadDup128(d, to_value);
  const auto packing = hn::LoadDup128(d, pack_bytes);
  alignas(64) std::uint32_t order[max_lanes32];
  for (std::uint32_t i = 0; i < lanes / 4; ++i) order[i] = i < lanes / 16 * 3 ? i / 3 * 4 + i % 3 : 0;
  const auto closing = hn::SetTableIndices(d32, order);

  const auto* in = reinterpret_cast<const std::uint8_t*>(text);
  auto* to = reinterpret_cast<std::uint8_t*>(out);
  bulk_progress done;
  while (size - done.read >= lanes && room - done.written >= lanes) {
    const auto characters = hn::LoadU(d, in + done.read);
    const auto high = hn::ShiftRight<4>(characters);
    const auto low = hn::And(characters, hn::Set(d, 0x0F));
    const auto wrong = hn::And(hn::TableLookupBytes(high_classes, high), hn::TableLookupBytes(low_classes, low));
    if (!hn::AllTrue(d, hn::Eq(wrong, hn::Zero(d)))) break;
    const auto is_slash = hn::VecFromMask(d, hn::Eq(characters, hn::Set(d, '/')));
    const auto sixes = hn::Add(characters, hn::TableLookupBytes(values, hn::Add(high, is_slash)));
    const auto pairs = hn::BitCast(d16, sixes);
    const auto twelves = hn::Or(hn::And(hn::ShiftLeft<6>(pairs), hn::Set(d16, 0x0FC0)), hn::ShiftRight<8>(pairs));
    const auto fours = hn::BitCast(d32, twelves);
    const auto bits = hn::Or(hn::And(hn::ShiftLeft<12>(fours), hn::Set(d32, 0x00FFF000)), hn::ShiftRight<16>(fours));
    const auto packed = hn::TableLookupBytesOr0(hn::BitCast(d, bits), packing);
    hn::StoreU(hn::BitCast(d, hn::TableLookupLanes(hn::BitCast(d32, packed), closing)), d, to + done.written);
    done.read += lanes;
    done.written += step;
  }
  return done;
}

bulk_progress encode_bulk(const char* bytes, std::size_t size, char* out, std::size_t room) {
  const tag8 d;
  const tag32 d32;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t step = lanes / 4 * 3;
  const auto spreading = hn::LoadDup128(d, spread_bytes);
  const auto characters = hn::LoadDup128(d, to_character);
  alignas(64) std::uint32_t order[max_lanes32];
  for (std::uint32_t i = 0; i < lanes / 4; ++i) order[i] = i % 4 == 3 ? 0 : i / 4 * 3 + i % 4;
  const auto opening = hn::SetTableIndices(d32, order);

  const auto* in = reinterpret_cast<const std::uint8_t*>(bytes);
  auto* to = reinterpret_cast<std::uint8_t*>(out);
  bulk_progress done;
  while (size - done.read >= lanes && room - done.written >= lanes) {
    const auto blocks = hn::TableLookupLanes(hn::BitCast(d32, hn::LoadU(d, in + done.read)), opening);
    const auto threes = hn::BitCast(d32, hn::TableLookupBytesOr0(hn::BitCast(d, blocks), spreading));
    const auto first = hn::ShiftRight<18>(threes);
    const auto second = hn::And(hn::ShiftRight<4>(threes), hn::Set(d32, 0x3F00));
    const auto third = hn::And(hn::ShiftLeft<10>(threes), hn::Set(d32, 0x3F0000));
    const auto fourth = hn::And(hn::ShiftLeft<24>(threes), hn::Set(d32, 0x3F000000));
    const auto sixes = hn::BitCast(d, hn::Or(hn::Or(first, second), hn::Or(third, fourth)));
    // 13 for capitals, 0 for small letters, 1..10 for digits, 11 for "+", 12 for "/".
    const auto above = hn::SaturatedSub(sixes, hn::Set(d, 51));
    const auto kind = hn::IfThenElse(hn::Lt(sixes, hn::Set(d, 26)), hn::Set(d, 13), above);
    hn::StoreU(hn::Add(sixes, hn::TableLookupBytes(characters, kind)), d, to + done.written);
    done.read += step;
    done.written += lanes;
  }
  return done;
}

std::size_t find_special(const char* text, std::size_t size) {
  const tag8 d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* in = reinterpret_cast<const std::uint8_t*>(text);
  std::size_t at = 0;
  for (; size - at >= lanes; at += lanes) {
    const auto bytes = hn::LoadU(d, in + at);
    const auto marks = hn::Or(hn::Eq(bytes, hn::Set(d, '"')), hn::Eq(bytes, hn::Set(d, '\\')));
    const auto special = hn::Or(marks, hn::Lt(bytes, hn::Set(d, 0x20)));
    const auto first = hn::FindFirstTrue(d, special);
    if (first >= 0) return at + static_cast<std::size_t>(first);
  }
  return at;
}

#endif

} // namespace HWY_NAMESPACE
} // namespace weir::media::detail
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weir::media::detail {

HWY_EXPORT(decode_bulk);
HWY_EXPORT(encode_bulk);
HWY_EXPORT(find_special);

bulk_progress base64_decode_bulk(const char* text, std::size_t size, char* out, std::size_t room) noexcept {
  return HWY_DYNAMIC_DISPATCH(decode_bulk)(text, size, out, room);
}

bulk_progress base64_encode_bulk(const char* bytes, std::size_t size, char* out, std::size_t room) noexcept {
  return HWY_DYNAMIC_DISPATCH(encode_bulk)(bytes, size, out, room);
}

std::size_t find_string_special(std::string_view text) noexcept {
  std::size_t at = HWY_DYNAMIC_DISPATCH(find_special)(text.data(), text.size());
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\' || c < 0x20) break;
  }
  return at;
}

} // namespace weir::media::detail
#endif

#include "media/resample_kernels.hpp"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "media/resample_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// The pairwise 16-bit multiply-add is what x86 has; elsewhere the plain loop runs until it is written and measured
// there.
#undef WEIR_VECTOR_TARGET
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
#define WEIR_VECTOR_TARGET 1
#else
#define WEIR_VECTOR_TARGET 0
#endif

HWY_BEFORE_NAMESPACE();
namespace weir::media::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t half = 1 << 21;

#if WEIR_VECTOR_TARGET

template <class D32, class V16, class V32>
HWY_INLINE V32 add_pairs(D32 d, V16 a, V16 b, V32 sum) {
  V32 unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, a, b, sum, unused);
}

template <class V>
HWY_INLINE hn::Vec<hn::Full128<std::int32_t>> sum_blocks(V v) {
  const hn::DFromV<V> d;
  if constexpr (hn::MaxLanes(d) > 4) {
    const hn::Half<decltype(d)> dh;
    return sum_blocks(hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)));
  } else {
    return v;
  }
}

void horizontal(const packed_taps& taps, const std::uint8_t* in, std::uint8_t* out) {
  const hn::CappedTag<std::uint8_t, 32> d8;
  const hn::Repartition<std::int16_t, decltype(d8)> d16;
  const hn::Repartition<std::int32_t, decltype(d8)> d32;
  const hn::Full128<std::int32_t> out32;
  const hn::Simd<std::uint8_t, 4, 0> out8;
  constexpr std::size_t groups_per_step = hn::MaxLanes(d32) / 4;
  // Within each 4 pixels: r0 r1 g0 g1 b0 b1 x0 x1, then the same of pixels 2 and 3.
  alignas(16) static constexpr std::uint8_t pair_channels[16] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  const auto order = hn::LoadDup128(d8, pair_channels);
  const auto zero = hn::Zero(d8);
  const auto rounding = hn::Set(out32, half);
  for (std::size_t x = 0; x < taps.first.size(); ++x) {
    const std::uint8_t* pixel = in + std::size_t{taps.first[x]} * 4;
    auto high = hn::Zero(d32);
    auto low = hn::Zero(d32);
    for (std::size_t group = taps.group_begin[x]; group < taps.group_begin[x + 1]; group += groups_per_step) {
      const auto weights = hn::BitCast(d32, hn::LoadU(d16, taps.words.data() + group * 8));
      const auto pixels = hn::TableLookupBytes(hn::LoadU(d8, pixel), order);
      const auto first = hn::BitCast(d16, hn::InterleaveLower(d8, pixels, zero));
      const auto second = hn::BitCast(d16, hn::InterleaveUpper(d8, pixels, zero));
      high = add_pairs(d32, first, hn::BitCast(d16, hn::Broadcast<0>(weights)), high);
      low = add_pairs(d32, first, hn::BitCast(d16, hn::Broadcast<2>(weights)), low);
      high = add_pairs(d32, second, hn::BitCast(d16, hn::Broadcast<1>(weights)), high);
      low = add_pairs(d32, second, hn::BitCast(d16, hn::Broadcast<3>(weights)), low);
      pixel += groups_per_step * 16;
    }
    const auto sum = sum_blocks(hn::Add(hn::ShiftLeft<12>(high), low));
    const auto bytes = hn::DemoteTo(out8, hn::ShiftRight<22>(hn::Add(sum, rounding)));
    hn::StoreU(bytes, out8, out + x * 3);
  }
}

void vertical(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
              std::uint8_t* out) {
  const hn::ScalableTag<std::uint8_t> d8;
  const hn::Repartition<std::int16_t, decltype(d8)> d16;
  const hn::Repartition<std::int32_t, decltype(d8)> d32;
  alignas(16) static constexpr std::uint8_t lower_bytes[16] = {0,    2,    4,    6,    8,    10,   12,   14,
                                                               0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
  alignas(16) static constexpr std::uint8_t upper_bytes[16] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                                               0,    2,    4,    6,    8,    10,   12,   14};
  const auto to_lower = hn::LoadDup128(d8, lower_bytes);
  const auto to_upper = hn::LoadDup128(d8, upper_bytes);
  const auto zero = hn::Zero(d8);
  const auto rounding = hn::Set(d32, half);
  const auto round = [&](auto high, auto low) HWY_ATTR {
    return hn::ShiftRight<22>(hn::Add(hn::Add(hn::ShiftLeft<12>(high), low), rounding));
  };
  for (std::size_t at = 0; at < bytes; at += hn::Lanes(d8)) {
    auto h0 = hn::Zero(d32), h1 = h0, h2 = h0, h3 = h0, l0 = h0, l1 = h0, l2 = h0, l3 = h0;
    for (std::size_t tap = 0; tap < count; tap += 2) {
      const bool pair = tap + 1 < count;
      const std::int32_t wa = weights[tap];
      const std::int32_t wb = pair ? weights[tap + 1] : 0;
      const auto high =
          hn::BitCast(d16, hn::Set(d32, static_cast<std::int32_t>(static_cast<std::uint32_t>(wa >> 12 & 0xffff) |
                                                                  static_cast<std::uint32_t>(wb >> 12) << 16)));
      const auto low = hn::BitCast(d16, hn::Set(d32, (wa & 4095) | (wb & 4095) << 16));
      const auto a = hn::LoadU(d8, rows[tap] + at);
      const auto b = hn::LoadU(d8, rows[pair ? tap + 1 : tap] + at);
      const auto ab = hn::InterleaveLower(d8, a, b);
      const auto cd = hn::InterleaveUpper(d8, a, b);
      const auto v0 = hn::BitCast(d16, hn::InterleaveLower(d8, ab, zero));
      const auto v1 = hn::BitCast(d16, hn::InterleaveUpper(d8, ab, zero));
      const auto v2 = hn::BitCast(d16, hn::InterleaveLower(d8, cd, zero));
      const auto v3 = hn::BitCast(d16, hn::InterleaveUpper(d8, cd, zero));
      h0 = add_pairs(d32, v0, high, h0);
      l0 = add_pairs(d32, v0, low, l0);
      h1 = add_pairs(d32, v1, high, h1);
      l1 = add_pairs(d32, v1, low, l1);
      h2 = add_pairs(d32, v2, high, h2);
      l2 = add_pairs(d32, v2, low, l2);
      h3 = add_pairs(d32, v3, high, h3);
      l3 = add_pairs(d32, v3, low, l3);
    }
    const auto limit = [&](auto a, auto b) HWY_ATTR {
      const auto words = hn::ReorderDemote2To(d16, a, b);
      return hn::BitCast(d8, hn::Min(hn::Max(words, hn::Zero(d16)), hn::Set(d16, 255)));
    };
    const auto lower = limit(round(h0, l0), round(h1, l1));
    const auto upper = limit(round(h2, l2), round(h3, l3));
    hn::StoreU(hn::Or(hn::TableLookupBytesOr0(lower, to_lower), hn::TableLookupBytesOr0(upper, to_upper)), d8,
               out + at);
  }
}

#else

void horizontal(const packed_taps& taps, const std::uint8_t* in, std::uint8_t* out) {
  for (std::size_t x = 0; x < taps.first.size(); ++x) {
    std::int32_t sum[3] = {half, half, half};
    const std::uint8_t* pixel = in + std::size_t{taps.first[x]} * 4;
    for (std::size_t group = taps.group_begin[x]; group < taps.group_begin[x + 1]; ++group)
      for (std::size_t tap = 0; tap < 4; ++tap, pixel += 4)
        for (std::size_t c = 0; c < 3; ++c)
          sum[c] += (taps.words[group * 8 + tap] * 4096 + taps.words[group * 8 + 4 + tap]) * pixel[c];
    for (std::size_t c = 0; c < 3; ++c) out[x * 3 + c] = static_cast<std::uint8_t>(std::clamp(sum[c] >> 22, 0, 255));
  }
}

void vertical(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
              std::uint8_t* out) {
  vertical_scalar(weights, count, rows, bytes, out);
}

#endif
} // namespace weir::media::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weir::media::detail {

packed_taps::packed_taps(const axis_taps& taps) {
  group_begin.push_back(0);
  for (std::uint32_t i = 0; i < taps.size(); ++i) {
    const auto weights = taps.weights(i);
    const std::size_t groups = (weights.size() + 7) / 8 * 2;
    const std::size_t at = words.size();
    words.resize(at + groups * 8);
    for (std::size_t tap = 0; tap < weights.size(); ++tap) {
      std::int16_t* group = words.data() + at + tap / 4 * 8;
      group[tap % 4] = static_cast<std::int16_t>(weights[tap] >> 12);
      group[tap % 4 + 4] = static_cast<std::int16_t>(weights[tap] & 4095);
    }
    first.push_back(taps.first(i));
    group_begin.push_back(static_cast<std::uint32_t>(words.size() / 8));
  }
}

void horizontal_scalar(const axis_taps& taps, const std::uint8_t* in, std::uint8_t* out) {
  for (std::uint32_t x = 0; x < taps.size(); ++x) {
    const auto weights = taps.weights(x);
    const std::uint8_t* pixel = in + std::size_t{taps.first(x)} * 4;
    for (std::size_t c = 0; c < 3; ++c) {
      std::int32_t sum = 1 << 21;
      for (std::size_t tap = 0; tap < weights.size(); ++tap) sum += weights[tap] * pixel[tap * 4 + c];
      out[std::size_t{x} * 3 + c] = static_cast<std::uint8_t>(std::clamp(sum >> 22, 0, 255));
    }
  }
}

void vertical_scalar(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
                     std::uint8_t* out) {
  for (std::size_t at = 0; at < bytes; ++at) {
    std::int32_t sum = 1 << 21;
    for (std::size_t tap = 0; tap < count; ++tap) sum += weights[tap] * rows[tap][at];
    out[at] = static_cast<std::uint8_t>(std::clamp(sum >> 22, 0, 255));
  }
}

HWY_EXPORT(horizontal);
HWY_EXPORT(vertical);

void horizontal_best(const packed_taps& taps, const std::uint8_t* in, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(horizontal)(taps, in, out);
}

void vertical_best(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
                   std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(vertical)(weights, count, rows, bytes, out);
}

} // namespace weir::media::detail
#endif

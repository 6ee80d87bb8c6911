#include "media/colour.hpp"

#include <lcms2.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace weir::media::detail {
namespace {

/// a * b / 255, rounded.
std::uint32_t multiply_255(std::uint32_t a, std::uint32_t b) noexcept {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

struct context_deleter {
  void operator()(cmsContext context) const noexcept { cmsDeleteContext(context); }
};
struct profile_deleter {
  void operator()(cmsHPROFILE profile) const noexcept { cmsCloseProfile(profile); }
};
struct transform_deleter {
  void operator()(cmsHTRANSFORM transform) const noexcept { cmsDeleteTransform(transform); }
};
using context_ptr = std::unique_ptr<std::remove_pointer_t<cmsContext>, context_deleter>;
using profile_ptr = std::unique_ptr<void, profile_deleter>;
using transform_ptr = std::unique_ptr<void, transform_deleter>;

class lcms_converter final : public colour_converter {
 public:
  // The transform goes before the context that it lives in.
  lcms_converter(context_ptr context, transform_ptr transform)
      : context_(std::move(context)), transform_(std::move(transform)) {}
  void convert(std::uint8_t* pixels, std::size_t count) override {
    cmsDoTransform(transform_.get(), pixels, pixels, static_cast<cmsUInt32Number>(count));
  }

 private:
  context_ptr context_;
  transform_ptr transform_;
};

class grey_converter final : public colour_converter {
 public:
  explicit grey_converter(const std::array<std::uint8_t, 1024>& table) : table_(table) {}
  void convert(std::uint8_t* pixels, std::size_t count) override {
    for (; count > 0; --count, pixels += 4) std::copy_n(table_.data() + pixels[0] * std::size_t{4}, 3, pixels);
  }

 private:
  std::array<std::uint8_t, 1024> table_;
};

bool changes_colours(cmsHTRANSFORM transform) {
  constexpr int tolerance = 2;
  std::vector<std::uint8_t> grid;
  for (int r = 0; r < 6; ++r)
    for (int g = 0; g < 6; ++g)
      for (int b = 0; b < 6; ++b)
        for (const int value : {r * 51, g * 51, b * 51, 255}) grid.push_back(static_cast<std::uint8_t>(value));
  for (int grey = 0; grey < 256; grey += 5)
    for (const int value : {grey, grey, grey, 255}) grid.push_back(static_cast<std::uint8_t>(value));
  auto converted = grid;
  cmsDoTransform(transform, converted.data(), converted.data(), static_cast<cmsUInt32Number>(grid.size() / 4));
  for (std::size_t i = 0; i < grid.size(); ++i)
    if (std::abs(grid[i] - converted[i]) > tolerance) return true;
  return false;
}

} // namespace

std::unique_ptr<colour_converter> colour_converter::from_profile(std::span<const std::uint8_t> profile,
                                                                 pixel_kind kind) {
  if (profile.size() <= 128) return nullptr;
  context_ptr context(cmsCreateContext(nullptr, nullptr));
  if (!context) return nullptr;
  cmsSetLogErrorHandlerTHR(context.get(), [](cmsContext, cmsUInt32Number, const char*) {});
  const profile_ptr from(
      cmsOpenProfileFromMemTHR(context.get(), profile.data(), static_cast<cmsUInt32Number>(profile.size())));
  const profile_ptr srgb(cmsCreate_sRGBProfileTHR(context.get()));
  if (!from || !srgb) return nullptr;
  // From the bytes, not through cmsGetColorSpace: a hostile value would be no member of its enumeration.
  constexpr std::size_t colour_space_offset = 16; // ICC.1, 7.2
  std::uint32_t space = 0;
  for (std::size_t i = 0; i < 4; ++i) space = space << 8 | profile[colour_space_offset + i];
  cmsUInt32Number layout = 0;
  if (kind == pixel_kind::rgb && space == cmsSigRgbData) {
    layout = TYPE_RGBA_8;
  } else if (kind == pixel_kind::inverted_cmyk && space == cmsSigCmykData) {
    layout = TYPE_CMYK_8_REV;
  } else if (kind == pixel_kind::grey && space == cmsSigGrayData) {
    layout = COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(3) | BYTES_SH(1);
  } else {
    return nullptr;
  }
  transform_ptr transform(cmsCreateTransformTHR(context.get(), from.get(), layout, srgb.get(), TYPE_RGBA_8,
                                                INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE));
  if (!transform) return nullptr;
  if (kind == pixel_kind::grey) {
    std::array<std::uint8_t, 1024> table{};
    for (std::size_t i = 0; i < 256; ++i) table[i * 4] = static_cast<std::uint8_t>(i);
    cmsDoTransform(transform.get(), table.data(), table.data(), 256);
    bool same = true;
    for (std::size_t i = 0; i < 256; ++i) same = same && std::abs(table[i * 4] - static_cast<int>(i)) <= 2;
    if (same) return nullptr;
    return std::make_unique<grey_converter>(table);
  }
  if (kind == pixel_kind::rgb && !changes_colours(transform.get())) return nullptr;
  return std::make_unique<lcms_converter>(std::move(context), std::move(transform));
}

void inverted_cmyk_to_rgb(std::uint8_t* pixels, std::size_t count) noexcept {
  for (; count > 0; --count, pixels += 4) {
    const std::uint32_t light = pixels[3];
    for (int c = 0; c < 3; ++c) pixels[c] = static_cast<std::uint8_t>(light - multiply_255(255U - pixels[c], light));
  }
}

void blend_on_black(std::uint8_t* pixels, std::size_t count) noexcept {
  for (; count > 0; --count, pixels += 4) {
    const std::uint32_t alpha = pixels[3];
    if (alpha == 255) continue;
    for (int c = 0; c < 3; ++c) pixels[c] = static_cast<std::uint8_t>(multiply_255(pixels[c], alpha));
  }
}

} // namespace weir::media::detail

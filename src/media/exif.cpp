#include "media/header.hpp"

namespace weir::media::detail {

int exif_orientation(byte_source& source, byte_range tiff) noexcept {
  constexpr std::uint32_t orientation_tag = 0x0112; // TIFF 6.0, section 8
  constexpr std::uint32_t short_type = 3;
  byte_cursor cursor(source, tiff.offset);
  const std::uint32_t order = cursor.big(2);
  if (order != 0x4949 && order != 0x4d4d) return 1;
  const auto number = [&](int bytes) { return order == 0x4949 ? cursor.little(bytes) : cursor.big(bytes); };
  if (number(2) != 42) return 1;
  const std::uint64_t directory = number(4);
  if (directory + 2 > tiff.size) return 1;
  cursor.seek(tiff.offset + directory);
  const std::uint32_t entries = number(2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{i} * 12;
    if (entry + 12 > tiff.size || cursor.ended()) return 1;
    cursor.seek(tiff.offset + entry);
    if (number(2) != orientation_tag) continue;
    if (number(2) != short_type || number(4) != 1) return 1;
    const std::uint32_t value = number(2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

} // namespace weir::media::detail

#include "media/header.hpp"

#include <algorithm>
#include <cstring>

namespace weir::media::detail {
namespace {

constexpr std::uint32_t tag(const char (&name)[5]) {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(name[0])) << 24 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[1])) << 16 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[2])) << 8 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[3]));
}

bool matches(byte_source& source, std::uint64_t at, std::string_view text) noexcept {
  unsigned char bytes[16];
  return source.read_at(at, std::span(bytes).first(text.size())) == text.size() &&
         std::memcmp(bytes, text.data(), text.size()) == 0;
}

/// The sampling factors that a JPEG frame header gives; what the coefficients of all components take in memory.
struct jpeg_frame {
  std::uint32_t components = 0;
  std::uint64_t coefficient_bytes = 0;
};

jpeg_frame read_components(byte_cursor& cursor, std::uint32_t width, std::uint32_t height) noexcept {
  jpeg_frame frame;
  frame.components = cursor.byte();
  std::uint32_t across[4] = {};
  std::uint32_t down[4] = {};
  std::uint32_t most_across = 1;
  std::uint32_t most_down = 1;
  if (frame.components == 0 || frame.components > 4) return {};
  for (std::uint32_t i = 0; i < frame.components; ++i) {
    cursor.skip(1);
    const std::uint32_t sampling = cursor.byte();
    across[i] = sampling >> 4;
    down[i] = sampling & 15;
    cursor.skip(1);
    if (across[i] < 1 || across[i] > 4 || down[i] < 1 || down[i] > 4) return {};
    most_across = std::max(most_across, across[i]);
    most_down = std::max(most_down, down[i]);
  }
  // 64 coefficients of 2 bytes per 8x8 block, in whole units of the most finely sampled component (ITU T.81, A.2).
  const std::uint64_t units_across = (width + 8ULL * most_across - 1) / (8ULL * most_across);
  const std::uint64_t units_down = (height + 8ULL * most_down - 1) / (8ULL * most_down);
  for (std::uint32_t i = 0; i < frame.components; ++i)
    frame.coefficient_bytes += units_across * across[i] * units_down * down[i] * 128;
  return frame;
}

void read_jpeg_segment(byte_source& source, image_header& header, std::uint32_t marker, byte_range body) noexcept {
  if (marker == 0xe1 && header.orientation == 1 && body.size > 6 && matches(source, body.offset, {"Exif\0\0", 6}))
    header.orientation = exif_orientation(source, {body.offset + 6, body.size - 6});
  // "ICC_PROFILE", a zero, the number of this piece from 1, the number of pieces (ICC.1, annex B.4).
  if (marker == 0xe2 && body.size > 14 && matches(source, body.offset, {"ICC_PROFILE\0", 12})) {
    byte_cursor cursor(source, body.offset + 12);
    const std::uint32_t piece = cursor.byte();
    const std::uint32_t pieces = cursor.byte();
    if (piece >= 1 && piece <= pieces) {
      header.profile[piece - 1] = {body.offset + 14, body.size - 14};
      header.profile_pieces = pieces;
    }
  }
}

bool read_jpeg(byte_source& source, image_header& header) noexcept {
  byte_cursor cursor(source, 2);
  jpeg_frame frame;
  bool progressive = false;
  // A header of more segments than this belongs to an attack, not to a picture.
  for (int segment = 0; segment < 20'000 && !cursor.ended(); ++segment) {
    std::uint32_t marker = cursor.byte();
    // Bytes between segments are skipped, as libjpeg does; so many of them are not.
    for (int skipped = 0; marker != 0xff && !cursor.ended(); ++skipped) {
      if (skipped > 65'536) return false;
      marker = cursor.byte();
    }
    do marker = cursor.byte();
    while (marker == 0xff && !cursor.ended());
    if (marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker == 0xd9) return false;
    const std::uint32_t length = cursor.big(2);
    if (length < 2 || cursor.ended()) break;
    const byte_range body{cursor.at(), length - 2};
    const bool frame_header = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame_header) {
      if (header.width != 0) return false;
      header.bit_depth = cursor.byte();
      header.height = cursor.big(2);
      header.width = cursor.big(2);
      frame = read_components(cursor, header.width, header.height);
      if (cursor.ended() || header.width == 0 || header.height == 0 || frame.components == 0) return false;
      header.channels = frame.components;
      progressive = marker == 0xc2 || marker == 0xc6 || marker == 0xca || marker == 0xce;
      header.interlaced = progressive;
      header.frame_bytes = progressive ? frame.coefficient_bytes : 0;
    } else if (marker == 0xda) {
      if (header.width == 0) return false;
      // Components that come one after the other need the whole frame, too.
      header.interlaced = progressive || cursor.byte() < frame.components;
      header.frame_bytes = header.interlaced ? frame.coefficient_bytes : 0;
      return true;
    } else {
      read_jpeg_segment(source, header, marker, body);
    }
    cursor.seek(body.offset + body.size);
  }
  return header.width != 0;
}

bool read_png(byte_source& source, image_header& header) noexcept {
  byte_cursor cursor(source, 8);
  if (cursor.big(4) != 13 || cursor.big(4) != tag("IHDR")) return false;
  header.width = cursor.big(4);
  header.height = cursor.big(4);
  header.bit_depth = cursor.byte();
  const std::uint32_t colour = cursor.byte();
  cursor.skip(2);
  header.interlaced = cursor.byte() != 0;
  if (cursor.ended() || header.width == 0 || header.height == 0 || header.width > 0x7fffffff ||
      header.height > 0x7fffffff)
    return false;
  static constexpr std::uint32_t channels_of[] = {1, 0, 3, 3, 2, 0, 4};
  if (colour > 6 || channels_of[colour] == 0) return false;
  header.channels = channels_of[colour];
  header.has_alpha = colour >= 4;
  header.frame_bytes = header.interlaced ? header.pixels() * 4 : 0;
  cursor.skip(4);
  for (int chunk = 0; chunk < 10'000; ++chunk) {
    const std::uint32_t length = cursor.big(4);
    const std::uint32_t name = cursor.big(4);
    if (cursor.ended() || name == tag("IDAT") || name == tag("IEND")) break;
    if (name == tag("tRNS")) header.has_alpha = true;
    if (name == tag("acTL")) header.animated = true;
    if (name == tag("eXIf")) header.orientation = exif_orientation(source, {cursor.at(), length});
    cursor.skip(std::uint64_t{length} + 4);
  }
  return true;
}

/// Size and alpha of one bare VP8 or VP8L stream (RFC 6386 section 9.1; WebP lossless bitstream section 3).
bool read_webp_stream(byte_cursor& cursor, std::uint32_t name, image_header& header) noexcept {
  if (name == tag("VP8 ")) {
    if ((cursor.byte() & 1) != 0) return false;
    cursor.skip(2);
    if (cursor.big(3) != 0x9d012a) return false;
    header.width = cursor.little(2) & 0x3fff;
    header.height = cursor.little(2) & 0x3fff;
  } else {
    if (cursor.byte() != 0x2f) return false;
    const std::uint32_t bits = cursor.little(4);
    header.width = (bits & 0x3fff) + 1;
    header.height = (bits >> 14 & 0x3fff) + 1;
    header.has_alpha = (bits >> 28 & 1) != 0;
  }
  return !cursor.ended() && header.width != 0 && header.height != 0;
}

bool read_webp(byte_source& source, image_header& header) noexcept {
  byte_cursor cursor(source, 4);
  const std::uint64_t riff_end = std::uint64_t{cursor.little(4)} + 8;
  cursor.seek(12);
  bool extended = false;
  bool lossless = false;
  header.channels = 3;
  header.file_end = riff_end;
  header.frame = {0, std::min(riff_end, source.size())};
  for (int chunk = 0; chunk < 10'000; ++chunk) {
    const std::uint32_t name = cursor.big(4);
    const std::uint64_t length = cursor.little(4);
    if (cursor.ended() || cursor.at() > riff_end) break;
    const std::uint64_t body = cursor.at();
    if (name == tag("VP8X") && chunk == 0) {
      extended = true;
      const std::uint32_t flags = cursor.byte();
      header.has_alpha = (flags & 0x10) != 0;
      header.animated = (flags & 0x02) != 0;
      cursor.skip(3);
      header.width = cursor.little(3) + 1;
      header.height = cursor.little(3) + 1;
      if (cursor.ended()) return false;
    } else if (name == tag("VP8 ") || name == tag("VP8L")) {
      lossless = lossless || name == tag("VP8L");
      if (!extended && !read_webp_stream(cursor, name, header)) return false;
      if (header.frame_width == 0) {
        header.frame_width = header.width;
        header.frame_height = header.height;
      }
      if (!extended) break;
    } else if (name == tag("ANMF") && header.animated && header.frame_width == 0) {
      header.frame_left = cursor.little(3) * 2;
      header.frame_top = cursor.little(3) * 2;
      header.frame_width = cursor.little(3) + 1;
      header.frame_height = cursor.little(3) + 1;
      header.frame = {body + 16, length >= 16 ? length - 16 : 0};
      lossless = true; // not known before its own chunks: the larger need is assumed
    } else if (name == tag("ICCP") && length > 0) {
      header.profile[0] = {body, length};
      header.profile_pieces = 1;
    } else if (name == tag("EXIF")) {
      const bool prefixed = matches(source, body, {"Exif\0\0", 6});
      const std::uint64_t skip = prefixed && length > 6 ? 6 : 0;
      header.orientation = exif_orientation(source, {body + skip, length - skip});
    }
    cursor.seek(body + length + (length & 1));
  }
  if (header.has_alpha) header.channels = 4;
  const std::uint64_t per_pixel = lossless || header.has_alpha ? 8 : 4;
  header.frame_bytes = std::max(header.pixels(), std::uint64_t{header.frame_width} * header.frame_height) * per_pixel;
  return header.width != 0 && header.height != 0;
}

} // namespace

std::optional<image_header> read_header(byte_source& source) noexcept {
  std::byte magic[16];
  const auto count = source.read_at(0, {reinterpret_cast<unsigned char*>(magic), sizeof magic});
  image_header header;
  header.format = sniff_format(std::span(magic).first(count));
  bool known = false;
  switch (header.format) {
  case image_format::jpeg:
    known = read_jpeg(source, header);
    break;
  case image_format::png:
    known = read_png(source, header);
    break;
  case image_format::webp:
    known = read_webp(source, header);
    break;
  case image_format::unknown:
    break;
  }
  if (!known) return std::nullopt;
  return header;
}

} // namespace weir::media::detail

#include "media/header.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace weir::media {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view magic, std::size_t at = 0) noexcept {
  return bytes.size() >= at + magic.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

} // namespace

std::string_view mime_type(image_format format) noexcept {
  switch (format) {
  case image_format::jpeg:
    return "image/jpeg";
  case image_format::png:
    return "image/png";
  case image_format::webp:
    return "image/webp";
  case image_format::unknown:
    break;
  }
  return "application/octet-stream";
}

std::string_view format_name(image_format format) noexcept {
  switch (format) {
  case image_format::jpeg:
    return "JPEG";
  case image_format::png:
    return "PNG";
  case image_format::webp:
    return "WebP";
  case image_format::unknown:
    break;
  }
  return "unknown";
}

image_format sniff_format(std::span<const std::byte> bytes) noexcept {
  if (starts_with(bytes, "\xff\xd8\xff")) return image_format::jpeg;
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return image_format::png;
  if (starts_with(bytes, "RIFF") && starts_with(bytes, "WEBP", 8)) return image_format::webp;
  return image_format::unknown;
}

std::string_view describe_bytes(std::span<const std::byte> bytes) noexcept {
  struct known {
    std::string_view magic;
    std::size_t at;
    std::string_view name;
  };
  static constexpr known table[] = {
      {"GIF8", 0, "a GIF image"},
      {"BM", 0, "a BMP image"},
      {"II*\0", 0, "a TIFF image"},
      {"MM\0*", 0, "a TIFF image"},
      {"8BPS", 0, "a Photoshop image"},
      {"v/1\x01", 0, "an OpenEXR image"},
      {"ftypavif", 4, "an AVIF image"},
      {"ftypheic", 4, "an HEIC image"},
      {"ftypheix", 4, "an HEIC image"},
      {"ftypmif1", 4, "an HEIF image"},
      {"ftyp", 4, "an MP4 or QuickTime video"},
      {"\x1a\x45\xdf\xa3", 0, "a Matroska or WebM video"},
      {"\xff\x0a", 0, "a JPEG XL image"},
      {"JXL ", 4, "a JPEG XL image"},
      {"%PDF", 0, "a PDF document"},
      {"%!PS", 0, "a PostScript document"},
      {"PK\x03\x04", 0, "a ZIP archive"},
      {"\x1f\x8b", 0, "gzip data"},
      {"RIFF", 0, "a RIFF file that is not WebP"},
      {"ID3", 0, "MP3 audio"},
  };
  if (bytes.empty()) return "an empty file";
  for (const known& entry : table)
    if (starts_with(bytes, {entry.magic.data(), entry.magic.size()}, entry.at)) return entry.name;
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 512));
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f';
  });
  if (!printable) return "binary data of an unknown kind";
  if (text.find("<svg") != text.npos) return "an SVG drawing";
  const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first != text.npos && text[first] == '<') return "XML or HTML text";
  if (first != text.npos && (text[first] == '{' || text[first] == '[')) return "JSON text";
  return "text";
}

std::optional<image_info> probe_image(std::span<const std::byte> bytes) noexcept {
  class borrowed final : public detail::byte_source {
   public:
    explicit borrowed(std::span<const std::byte> all) noexcept : all_(all) {}
    std::uint64_t size() const noexcept override { return all_.size(); }
    std::size_t read_at(std::uint64_t offset, std::span<unsigned char> into) noexcept override {
      if (offset >= all_.size()) return 0;
      const auto count = std::min<std::uint64_t>(into.size(), all_.size() - offset);
      std::memcpy(into.data(), all_.data() + offset, count);
      return count;
    }

   private:
    std::span<const std::byte> all_;
  };
  borrowed source(bytes);
  if (const auto header = detail::read_header(source)) return static_cast<const image_info&>(*header);
  return std::nullopt;
}

} // namespace weir::media

#include "pictures_for.hpp"

#include "random.hpp"

#include <fmt/format.h>

#include <charconv>

namespace fake {
namespace {

[[noreturn]] void wrong_size(const std::string& size) {
  throw api_error{
      400,
      fmt::format("Invalid size '{}': both edges must be multiples of 16 and at most 3840, the ratio at most 3:1, "
                  "and the picture must have 655360 to 8294400 pixels.",
                  size),
      "invalid_request_error", "size", "invalid_value"};
}

std::pair<std::uint32_t, std::uint32_t> edges(const std::string& size) {
  std::uint32_t w = 0, h = 0;
  const char* end = size.data() + size.size();
  const auto a = std::from_chars(size.data(), end, w);
  if (a.ptr == end || *a.ptr != 'x' || std::from_chars(a.ptr + 1, end, h).ptr != end || w == 0 || h == 0 || w > 8192 ||
      h > 8192)
    wrong_size(size);
  return {w, h};
}

} // namespace

picture_settings read_settings(const world& w, const arguments& args, const std::string& model) {
  picture_settings s;
  s.size = args.text("size", "auto");
  if (s.size != "auto") {
    const auto [width, height] = edges(s.size);
    const auto pixels = std::uint64_t{width} * height;
    const bool legal = width % 16 == 0 && height % 16 == 0 && std::max(width, height) <= 3840 &&
                       std::max(width, height) <= 3 * std::min(width, height) && pixels >= 655360 && pixels <= 8294400;
    if (!legal && !w.opts.open_values) wrong_size(s.size);
  }
  if (w.opts.open_values)
    s.quality = args.text("quality", "auto");
  else
    s.quality = args.one_of("quality", "auto", {"auto", "low", "medium", "high", "xhigh", "max"});
  s.background = args.one_of("background", "auto", {"auto", "transparent", "opaque"});
  s.format = args.one_of("output_format", "png", {"png", "jpeg", "webp"});
  const auto compression = args.integer("output_compression", 100, 0, 100);
  if (compression < 100 && s.format == "png")
    throw api_error{400, "Compression less than 100 is not supported for PNG output format.", "invalid_request_error",
                    "output_compression", "invalid_value"};
  if (s.background == "transparent" && (s.format == "jpeg" || model == "gpt-image-2"))
    throw api_error{400,
                    s.format == "jpeg" ? "Transparent background is not supported for JPEG output format."
                                       : "Transparent background is not supported for this model.",
                    "invalid_request_error", "background", "invalid_value"};
  return s;
}

picture_request picture_of(const world& w, const picture_settings& s, const std::string& id) {
  picture_request p;
  p.format = s.format == "jpeg"   ? picture_format::jpeg
             : s.format == "webp" ? picture_format::webp
                                  : picture_format::png;
  if (s.size != "auto") std::tie(p.width, p.height) = edges(s.size);
  p.key = hash_text(id);
  p.transparent = s.background == "transparent";
  p.bytes = w.opts.image_bytes;
  return p;
}

std::string resolved(const std::string& value, const std::string& automatic) {
  return value == "auto" ? automatic : value;
}

boost::json::object usage(std::size_t prompt_bytes, std::size_t input_pictures, long pictures) {
  const auto text = static_cast<std::int64_t>(prompt_bytes / 4 + 1),
             image = static_cast<std::int64_t>(input_pictures * 323);
  const std::int64_t made = pictures * 1056;
  return {{"input_tokens", text + image},
          {"input_tokens_details", {{"text_tokens", text}, {"image_tokens", image}}},
          {"output_tokens", made},
          {"output_tokens_details", {{"text_tokens", 0}, {"image_tokens", made}}},
          {"total_tokens", text + image + made}};
}

} // namespace fake

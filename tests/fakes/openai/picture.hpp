#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fake {

enum class picture_format { png, jpeg, webp };

struct picture_info {
  picture_format format;
  std::uint32_t width, height;
};

/// Reads format and size from the first bytes of a picture. Returns nothing for anything else.
std::optional<picture_info> inspect_picture(std::string_view bytes);

struct picture_request {
  picture_format format = picture_format::png;
  std::uint32_t width = 1024, height = 1024;
  std::uint64_t key = 0;    ///< the same key gives the same bytes
  bool transparent = false; ///< an alpha channel (png and webp)
  std::uint64_t bytes = 0;  ///< pads to this size where the picture is smaller, in chunks that decoders skip
};

/// Returns a valid picture: coloured tiles that depend on the key.
std::string make_picture(const picture_request& wanted);

/// RFC 4648 with padding.
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace fake

#pragma once

#include <cstddef>
#include <string_view>

namespace weir::media::detail {

struct bulk_progress {
  std::size_t read = 0;
  std::size_t written = 0;
};

/// Decodes whole vectors of base64 characters from the start of `text` and stops in front of the first vector that
/// holds anything else (whitespace, padding, a bad character), or when fewer than one vector of text or room is left.
/// Reads and writes stay inside [text, text + size) and [out, out + room). `read` is a multiple of four.
bulk_progress base64_decode_bulk(const char* text, std::size_t size, char* out, std::size_t room) noexcept;

/// Encodes whole vectors from the start of `bytes`; same bounds. `read` is a multiple of three.
bulk_progress base64_encode_bulk(const char* bytes, std::size_t size, char* out, std::size_t room) noexcept;

/// Returns the offset of the first byte that a JSON string may not hold plainly: a quotation mark, a backslash or a
/// control character (RFC 8259 section 7); text.size() when there is none.
std::size_t find_string_special(std::string_view text) noexcept;

} // namespace weir::media::detail

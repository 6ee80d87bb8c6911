#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>

namespace weir::media {

/// Receives the bytes of a file in order; the span is valid during the call only. What it throws ends the writing.
using byte_sink = std::function<void(std::span<const std::byte>)>;

/// Gives row `y` as RGB, width * 3 bytes, valid until the next call. Called once for each row, from top to bottom.
using row_provider = std::function<std::span<const std::uint8_t>(std::uint32_t y)>;

/// Writes an 8-bit RGB PNG row by row (ISO/IEC 15948: adaptive filters by the least sum of absolute differences, one
/// zlib stream). Photographs are deflated fast; an image whose sample shows that it pays (drawings, grey pictures) is
/// deflated more thoroughly, so that files stay near the size that Pillow writes. Nothing else is in the file.
///
/// Memory: up to 8 MiB of pixels are kept until the end, for that choice; a larger image streams through about 1 MiB
/// and is always deflated fast. Thread-safety: none; use one object per file.
class png_writer {
 public:
  /// Fails: error invalid_argument where a side is 0 or over 2^31 - 1.
  png_writer(std::uint32_t width, std::uint32_t height, byte_sink sink, std::stop_token stop = {});
  ~png_writer();
  png_writer(png_writer&&) noexcept;
  png_writer& operator=(png_writer&&) noexcept;

  /// Fails: error invalid_argument for a row of another size than width * 3 bytes or one row too many.
  /// Cancellation: throws weir::cancelled when a stop is requested.
  void write_row(std::span<const std::uint8_t> rgb);

  /// Writes what is left. Must be called after the last row. Returns the size of the file in bytes.
  /// Fails: error invalid_argument where rows are missing.
  /// Cancellation: as write_row; the second deflate of a well-compressing image (about 10 ms for 1280x720) runs
  /// through.
  std::uint64_t finish();

  /// What a writer for this size allocates at most.
  static std::size_t memory_bytes(std::uint32_t width, std::uint32_t height) noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Writes a whole image: png_writer, all rows of `rows`, finish. Returns, fails, cancellation: as there.
std::uint64_t write_png(std::uint32_t width, std::uint32_t height, const row_provider& rows, byte_sink sink,
                        std::stop_token stop = {});

/// The same for pixels in memory: width * height * 3 bytes without padding.
std::uint64_t write_png(std::uint32_t width, std::uint32_t height, std::span<const std::uint8_t> rgb, byte_sink sink,
                        std::stop_token stop = {});

} // namespace weir::media

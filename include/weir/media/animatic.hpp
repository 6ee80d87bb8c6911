#pragma once

#include <weir/core/task.hpp>
#include <weir/media/rgb_image.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace weir::media {

/// A short film that moves slowly over one picture.
struct animatic_options {
  rgb_image card;                            ///< 16..4096 pixels a side; an odd last row or column is left out
  std::chrono::duration<double> length{4.0}; ///< rounded to whole frames, at least one; up to 120 s
  std::uint32_t fps = 24;                    ///< 1..60
  bool timecode = true;                      ///< draws the running time into the frames, and a bar along the bottom
  /// A regular file open for writing, of any name or none (O_TMPFILE, memfd): it is truncated and becomes the film. It
  /// stays the caller's, and is to be thrown away where make_animatic fails.
  int output_fd = -1;
  /// Called on the loop with the part that is done, never falling, 1 at the end and only on success. May be empty.
  std::function<void(double part)> on_progress;
};

struct animatic_result {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frames = 0;
  std::chrono::duration<double> length{};
  std::uint64_t size_bytes = 0;
};

/// Encodes the film: MP4 with the index in front, H.264 High, 4:2:0, BT.709. The frames are drawn here; the encoder is
/// the program ffmpeg (4.4 or newer, with libx264): the one that WEIR_FFMPEG names, else the one in PATH. It runs at
/// niceness 10 with two threads and sees only the frames and the output file. The same card gives the same bytes with
/// the same ffmpeg.
///
/// Fails: error not_configured where ffmpeg is missing; invalid_argument for options out of range; no_space where the
/// disk is full; job_failed with the last words of ffmpeg.
/// Cancellation: at any time; ffmpeg and whatever it started are ended and reaped before this returns.
/// Thread-safety: the loop's thread only. Cost: for 4 s of 1280x720 about 1 s of CPU time, most of it in ffmpeg, and
/// 6 bytes of memory a pixel; frames are drawn on the thread pool, one at a time.
task<animatic_result> make_animatic(animatic_options options);

/// Returns the picture at `part` (0 begin, 1 end) of the way over the card, scaled to width x height: what a frame of
/// the film shows, without timecode. Fails: error invalid_argument for an empty card or size. Cost: as a resize.
rgb_image animatic_frame(const rgb_image& card, double part, std::uint32_t width, std::uint32_t height);

/// Returns the card, made smaller if needed so that no side is longer than `max_side`: a film's thumbnail.
/// Fails: error invalid_argument for an empty card or max_side 0.
rgb_image animatic_thumbnail(const rgb_image& card, std::uint32_t max_side = 640);

/// Returns frames of the film at equal distances, in rows from the first to the last, each `cell_width` wide.
/// Fails: error invalid_argument for an empty card, an empty grid, or a sheet with a side over 16384 pixels.
rgb_image animatic_spritesheet(const rgb_image& card, std::uint32_t columns = 4, std::uint32_t rows = 3,
                               std::uint32_t cell_width = 320);

} // namespace weir::media

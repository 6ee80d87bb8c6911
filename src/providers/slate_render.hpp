#pragma once

#include "providers/slate_record.hpp"

#include <weir/core/task.hpp>
#include <weir/media/decoding.hpp>
#include <weir/media/rgb_image.hpp>

#include <functional>
#include <stop_token>
#include <string>

namespace weir::providers::slate {

struct extent {
  std::uint32_t width, height;
};
/// Returns the size that `text` ("1280x720", "auto" or empty) stands for. Fails: errc::invalid_argument.
extent parse_size(const std::string& text, extent automatic);
/// Returns the length that `text` ("4", "2.5" or empty) stands for. Fails: errc::invalid_argument.
double parse_seconds(const std::string& text);

/// Returns the reference picture of a job in the job's size; without pixels where it has none.
/// Fails: as media::prepare_pixels_apart, and where the file is missing.
task<media::rgb_image> reference_of(files::root folder, record job, media::decoding_options how);

/// Returns the card of a job: its prompt on a ground, or on `reference`. Blocking.
media::rgb_image card_of(const record& job, media::rgb_image reference, std::stop_token stop);

/// Encodes `card` and gives it to `sink`. `format` is png, jpeg or webp. Blocking.
void encode(const media::rgb_image& card, const std::string& format, const byte_sink& sink, std::stop_token stop);

/// Renders the film of a job and publishes it beside the job.
task<void> render_film(files::root folder, record job, media::decoding_options decoding,
                       std::function<void(double part)> on_progress);

} // namespace weir::providers::slate

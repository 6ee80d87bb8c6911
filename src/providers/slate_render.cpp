#include "providers/slate_render.hpp"

#include <weir/core/error.hpp>
#include <weir/files/publish.hpp>
#include <weir/media/animatic.hpp>
#include <weir/media/encode.hpp>
#include <weir/media/slate.hpp>
#include <weir/offload/threadpool.hpp>

#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

namespace weir::providers::slate {

namespace {

constexpr std::uint32_t min_side = 16, max_side = 4096;
constexpr double max_seconds = 120;

std::string without_zeros(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

} // namespace

extent parse_size(const std::string& text, extent automatic) {
  if (text.empty() || text == "auto") return automatic;
  extent size{};
  const char* const end = text.data() + text.size();
  const auto [x, first] = std::from_chars(text.data(), end, size.width);
  bool good = first == std::errc() && x != end && *x == 'x';
  if (good) {
    const auto [stop, second] = std::from_chars(x + 1, end, size.height);
    good = second == std::errc() && stop == end;
  }
  const auto in_range = [](std::uint32_t side) { return side >= min_side && side <= max_side; };
  if (!good || !in_range(size.width) || !in_range(size.height))
    throw error(errc::invalid_argument,
                "size: the provider slate takes WIDTHxHEIGHT with 16 to 4096 pixels each, for example 1280x720");
  return size;
}

double parse_seconds(const std::string& text) {
  if (text.empty()) return 4;
  double seconds = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failure != std::errc() || stop != text.data() + text.size() || !std::isfinite(seconds) || seconds <= 0 ||
      seconds > max_seconds)
    throw error(errc::invalid_argument, "seconds: the provider slate takes a number above 0, at most 120");
  return seconds;
}

task<media::rgb_image> reference_of(files::root folder, record job, media::decoding_options how) {
  if (!job.has_reference) co_return media::rgb_image();
  auto picture = co_await run_in_threadpool(
      [folder, job] { return std::make_shared<const files::file>(folder.open_read(job.reference())); });
  media::prepare_options size;
  size.width = job.width;
  size.height = job.height;
  co_return co_await media::prepare_pixels_apart(how, std::move(picture), "the reference image", size);
}

media::rgb_image card_of(const record& job, media::rgb_image reference, std::stop_token stop) {
  media::slate_options options;
  options.text = job.prompt;
  options.width = job.width;
  options.height = job.height;
  options.footer.push_back("Weir slate" +
                           (job.kind == "video" ? ", " + without_zeros(job.seconds) + " s" : std::string()));
  if (!job.model.empty()) options.footer.push_back(job.model);
  options.background = std::move(reference);
  return media::render_slate(options, stop);
}

void encode(const media::rgb_image& card, const std::string& format, const byte_sink& sink, std::stop_token stop) {
  const auto kind = format == "jpeg"   ? media::image_format::jpeg
                    : format == "webp" ? media::image_format::webp
                                       : media::image_format::png;
  media::encode_image(card.pixels, card.width, card.height, kind, sink, {}, std::move(stop));
}

task<void> render_film(files::root folder, record job, media::decoding_options decoding,
                       std::function<void(double part)> on_progress) {
  media::animatic_options options;
  auto reference = co_await reference_of(folder, job, decoding);
  options.card = co_await run_in_threadpool(
      [&job, &reference](std::stop_token stop) { return card_of(job, std::move(reference), stop); });
  options.length = std::chrono::duration<double>(job.seconds);
  options.on_progress = std::move(on_progress);
  files::publish_options how;
  how.on_conflict = files::on_conflict::replace;
  auto film = co_await run_in_threadpool([folder, job, how] {
    return std::make_shared<files::publication>(files::publication::reserve(folder, job.film(), how));
  });
  options.output_fd = film->fd();
  co_await media::make_animatic(std::move(options));
  co_await run_in_threadpool([film] { film->commit(); });
}

} // namespace weir::providers::slate

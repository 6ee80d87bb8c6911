#include "providers/openai_picture.hpp"

#include <weir/core/error.hpp>
#include <weir/files/async.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>

namespace weir::providers::openai {
namespace {

constexpr std::size_t max_error_body_bytes = 64 * 1024;

media::base64_json_options options_for(media::image_place place) {
  media::base64_json_options options;
  options.place = place;
  // An answer of /responses repeats its tools, and a mask in them.
  if (place == media::image_place::responses_answer) options.max_text_bytes = 16 << 20;
  return options;
}

} // namespace

picture_reader::picture_reader(media::image_place place, byte_sink sink)
    : sink_(std::move(sink)), extractor_(options_for(place), [this](std::string_view bytes) {
        try {
          sink_(std::as_bytes(std::span(bytes)));
        } catch (...) {
          sink_failure_ = std::current_exception();
          throw;
        }
      }) {}

void picture_reader::feed(std::string_view bytes) {
  try {
    extractor_.feed(bytes);
  } catch (...) {
    broken_ = !sink_failure_;
    throw;
  }
}

task<void> picture_reader::take(std::span<const std::byte> piece) {
  const std::string_view bytes(reinterpret_cast<const char*>(piece.data()), piece.size());
  if (!succeeds()) {
    error_body_.append(bytes.substr(0, max_error_body_bytes - error_body_.size()));
    co_return;
  }
  co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()}, [this, bytes] { feed(bytes); });
}

task<picture_answer> picture_reader::finish() {
  co_return co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()}, [this] {
    picture_answer answer;
    try {
      const media::base64_json_result result = extractor_.finish();
      json::value rest = json::parse(result.document);
      if (!rest.is_object()) throw error(errc::corrupt, "it is no JSON object");
      answer.rest = std::move(rest.get_object());
      answer.found = result.found;
    } catch (...) {
      broken_ = !sink_failure_;
      throw;
    }
    return answer;
  });
}

continued_sink::continued_sink(byte_sink sink) : sink_(std::move(sink)) {}

byte_sink continued_sink::attempt() {
  seen_ = {};
  return [this](std::span<const std::byte> bytes) { take(bytes); };
}

void continued_sink::prefix::add(std::span<const std::byte> more) noexcept {
  for (const std::byte b : more) hash = (hash ^ static_cast<unsigned char>(b)) * 0x100000001b3;
  bytes += more.size();
}

void continued_sink::take(std::span<const std::byte> bytes) {
  if (seen_.bytes < delivered_.bytes) {
    const auto again = bytes.first(std::min<std::uint64_t>(bytes.size(), delivered_.bytes - seen_.bytes));
    seen_.add(again);
    bytes = bytes.subspan(again.size());
    if (seen_.bytes == delivered_.bytes && seen_.hash != delivered_.hash)
      throw error(errc::corrupt, "the server sent another picture when it was asked again; ask for it once more");
  }
  if (bytes.empty()) return;
  failed_ = true;
  sink_(bytes);
  failed_ = false;
  delivered_.add(bytes);
  seen_ = delivered_;
}

} // namespace weir::providers::openai

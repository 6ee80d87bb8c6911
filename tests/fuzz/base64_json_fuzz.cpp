// Input: one byte of options, then the answer's body. Checks that the pieces in which a body arrives never change the
// outcome, and that the limits hold.

#include <weir/core/error.hpp>
#include <weir/media/base64.hpp>
#include <weir/media/base64_json.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace weir::media;

struct outcome {
  std::string document;
  std::string picture;
  std::string error;
  bool found = false;
  bool operator==(const outcome&) const = default;
};

outcome extract(std::string_view body, const base64_json_options& options, std::size_t chunk) {
  outcome out;
  try {
    base64_json_extractor extractor(options, [&](std::string_view bytes) { out.picture += bytes; });
    for (std::size_t at = 0; at < body.size(); at += chunk) extractor.feed(body.substr(at, chunk));
    base64_json_result result = extractor.finish();
    out.document = std::move(result.document);
    out.found = result.found;
    if (result.decoded_bytes != out.picture.size()) std::abort();
  } catch (const weir::error&) {
    // How much arrived before it, and which of two faults in the same block is seen first, depends on the pieces.
    out = {.document = {}, .picture = {}, .error = "refused", .found = false};
  }
  if (out.picture.size() > options.max_decoded_bytes || out.document.size() > options.max_text_bytes) std::abort();
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  base64_json_options options;
  options.place = (data[0] & 1) != 0 ? image_place::responses_answer : image_place::images_answer;
  options.index = data[0] >> 1 & 1;
  options.max_depth = (data[0] & 4) != 0 ? 5 : 32;
  if ((data[0] & 8) != 0) options.max_text_bytes = 64;
  if ((data[0] & 16) != 0) options.max_decoded_bytes = 32;
  const outcome whole = extract(body, options, body.size() + 1);
  if (extract(body, options, 1) != whole) std::abort();
  if (extract(body, options, 1 + (data[0] >> 5)) != whole) std::abort();
  if (whole.error.empty()) {
    // What is left is a document of the same shape without a picture.
    const outcome again = extract(whole.document, options, 1 << 20);
    if (!again.error.empty() || again.document != whole.document || again.found) std::abort();
  }
  return 0;
}

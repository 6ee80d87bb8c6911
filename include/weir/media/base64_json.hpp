#pragma once

#include <weir/media/base64.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::media {

/// Where in a provider's JSON answer the picture stands.
enum class image_place {
  images_answer,    ///< `data[index].b64_json`, the answer of the Images API
  responses_answer, ///< `result` of the first element of `output` whose `type` is "image_generation_call"
};

struct base64_json_options {
  image_place place = image_place::images_answer;
  std::size_t index = 0;                       ///< which element of `data`; images_answer only
  std::size_t max_depth = 32;                  ///< nested arrays and objects
  std::size_t max_text_bytes = 1024 * 1024;    ///< everything but the picture
  std::uint64_t max_decoded_bytes = 128 << 20; ///< the picture
};

/// What is left when the picture is taken out.
struct base64_json_result {
  /// The document with an empty string in the place of every picture and without whitespace between the tokens: for a
  /// JSON parser, which also does the checking of numbers, literals, escapes and UTF-8 that the extractor leaves out.
  std::string document;
  bool found = false; ///< the picture was there and is completely in the sink; false for `null` and an empty string
  std::uint64_t decoded_bytes = 0;
};

/// Takes the base64 picture out of a JSON answer while the body arrives: the picture goes decoded into a sink, the rest
/// is kept, the body is never held. Other pictures in the answer (other elements of `data`, later
/// image_generation_calls) are passed over.
///
/// The place is found by its path, not by the length of the string: a picture of one pixel is found, and a long text
/// elsewhere is never taken for a picture. Where `result` stands in front of its `type`, it is kept as ordinary text
/// until the type is known; once it is too long for an ordinary text it can only be a picture or an error, and goes to
/// the sink. Members that decide must not stand twice in an object, because parsers disagree on which one counts.
///
/// What the sink got counts only after finish() returned and the document parsed: write to a temporary file and publish
/// it then. After an error the extractor must not be used again.
/// Thread-safety: none. Cost: memory up to max_text_bytes; about 0.1 ns per character of the picture.
class base64_json_extractor {
 public:
  base64_json_extractor(base64_json_options options, base64_sink sink);
  base64_json_extractor(base64_json_extractor&&) noexcept;
  base64_json_extractor& operator=(base64_json_extractor&&) noexcept;
  ~base64_json_extractor();

  /// Takes the next piece of the body. Fails: error corrupt, when it is no JSON, has two members of which only one can
  /// count, or the picture is not base64; error too_large, naming the limit; what the sink throws.
  void feed(std::string_view chunk);

  /// Ends the body. Fails: error corrupt, when it stops early.
  base64_json_result finish();

 private:
  class reader;
  std::unique_ptr<reader> reader_;
};

} // namespace weir::media

#include <weir/core/error.hpp>
#include <weir/media/base64_json.hpp>

#include <fmt/format.h>
#include <media/json_push_lexer.hpp>

#include <algorithm>
#include <utility>

namespace weir::media {

namespace {

/// What becomes of the string that is being read.
enum class use : std::uint8_t {
  keep,   ///< it belongs to the document
  hold,   ///< kept for now: it is a picture if the type says so later
  decode, ///< it is the picture
  skip,   ///< it is a picture that nobody asked for
};

enum class kind : std::uint8_t { unknown, picture, other };

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
constexpr std::size_t max_word_bytes = 32; // longer keys and types cannot match a name

// Depths in `{"data": [{"b64_json": ...}]}`.
constexpr std::size_t top = 1;
constexpr std::size_t array = 2;
constexpr std::size_t element = 3;

} // namespace

class base64_json_extractor::reader final : public detail::json_events {
 public:
  reader(base64_json_options options, base64_sink sink)
      : options_(options), sink_(std::move(sink)), lexer_(*this, options.max_depth),
        responses_(options.place == image_place::responses_answer) {}

  void feed(std::string_view chunk) { lexer_.feed(chunk); }

  base64_json_result finish() {
    lexer_.finish();
    return {std::move(text_), found_ && decoder_.decoded_bytes() != 0, decoder_.decoded_bytes()};
  }

 private:
  // The element of the array that is being read.
  struct item {
    kind is = kind::unknown;
    bool wanted = false;
    bool seen_picture = false;
    bool seen_type = false;
    bool unkept = false;            // the string was too long to keep: only a picture may be that long
    bool decoded = false;           // the string is in the sink
    std::size_t held_at = nowhere;  // the held string in text_, between its quotation marks
    std::size_t held_end = nowhere; // nowhere while it is being read
  };

  void on_open(bool object, std::size_t depth) override {
    keep(object ? "{" : "[");
    if (depth == top) in_top_ = object;
    if (depth == array) {
      in_array_ = in_top_ && top_key_matches_ && !object;
      index_ = 0;
    }
    if (depth == element) {
      in_element_ = in_array_ && object;
      if (in_element_) begin_item();
    }
  }

  void on_close(bool object, std::size_t depth) override {
    keep(object ? "}" : "]");
    if (depth == element && in_element_) {
      end_item();
      in_element_ = false;
    }
    if (depth == array) in_array_ = false;
  }

  void on_comma(std::size_t depth) override {
    keep(",");
    if (depth == array) ++index_;
  }

  void on_colon() override { keep(":"); }
  void on_scalar(std::string_view piece) override { keep(piece); }

  void on_string_begin(bool key, std::size_t depth) override {
    keep("\"");
    word_.clear();
    use_ = use::keep;
    const bool member = in_element_ && depth == element;
    reads_word_ = key ? member || (in_top_ && depth == top) : member && key_is_type_;
    if (key || !member || !key_is_picture_) return;
    if (item_.is == kind::unknown) {
      use_ = use::hold;
      item_.held_at = text_.size();
    } else if (item_.is == kind::picture) {
      use_ = item_.wanted ? use::decode : use::skip;
    }
  }

  void on_string_piece(std::string_view plain) override {
    read_word(plain);
    string_text(plain, plain);
  }

  void on_escape(std::string_view raw, std::uint16_t code_unit) override {
    // 0xFF is no character of any name and of no base64 text.
    const char c = code_unit < 0x80 ? static_cast<char>(code_unit) : '\xFF';
    read_word(std::string_view(&c, 1));
    string_text(raw, std::string_view(&c, 1));
  }

  void on_string_end(bool key, std::size_t depth) override {
    if (use_ == use::decode) end_picture();
    if (use_ == use::hold) item_.held_end = text_.size();
    use_ = use::keep;
    keep("\"");
    if (key && in_top_ && depth == top) begin_top_member();
    if (in_element_ && depth == element) {
      if (key)
        begin_item_member();
      else if (key_is_type_)
        learn_kind(word_ == "image_generation_call" ? kind::picture : kind::other);
    }
  }

  void begin_top_member() {
    top_key_matches_ = word_ == (responses_ ? "output" : "data");
    if (!top_key_matches_) return;
    if (seen_top_key_) refuse_twice(word_);
    seen_top_key_ = true;
  }

  void begin_item() {
    item_ = {};
    key_is_picture_ = key_is_type_ = false;
    if (responses_) return;
    item_.is = kind::picture;
    item_.wanted = index_ == options_.index;
  }

  void begin_item_member() {
    key_is_picture_ = word_ == (responses_ ? "result" : "b64_json");
    key_is_type_ = responses_ && word_ == "type";
    bool& seen = key_is_type_ ? item_.seen_type : item_.seen_picture;
    if (!key_is_picture_ && !key_is_type_) return;
    if (seen) refuse_twice(word_);
    seen = true;
  }

  void end_item() {
    if (item_.is == kind::unknown) learn_kind(kind::other);
    key_is_picture_ = key_is_type_ = false;
  }

  void learn_kind(kind is) {
    item_.is = is;
    if (is == kind::other) {
      if (item_.unkept) refuse_text();
      item_.held_at = item_.held_end = nowhere;
      return;
    }
    item_.wanted = !std::exchange(seen_wanted_, true);
    if (item_.held_end != nowhere) take_held();
    found_ = found_ || item_.decoded;
  }

  // Takes the held string out of the document, into the sink if it is the first that may be the wanted picture.
  void take_held() {
    const bool wanted = item_.wanted || (item_.is == kind::unknown && !seen_wanted_);
    const std::size_t end = item_.held_end == nowhere ? text_.size() : item_.held_end;
    if (wanted) decode_json(std::string_view(text_).substr(item_.held_at, end - item_.held_at));
    if (wanted && item_.held_end != nowhere) end_picture();
    text_.erase(item_.held_at, end - item_.held_at);
    if (item_.held_end == nowhere) use_ = wanted ? use::decode : use::skip;
    item_.held_at = item_.held_end = nowhere;
  }

  void end_picture() {
    decoder_.finish();
    item_.decoded = true;
    found_ = found_ || item_.is == kind::picture;
  }

  // Decodes string text that the lexer has checked before and that is still escaped.
  void decode_json(std::string_view raw) {
    const auto hex = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    while (!raw.empty()) {
      const std::size_t plain = std::min(raw.find('\\'), raw.size());
      decode(raw.substr(0, plain));
      raw.remove_prefix(plain);
      if (raw.empty()) return;
      const bool unicode = raw[1] == 'u';
      char c = raw[1];
      if (unicode) {
        const int high = hex(raw[2]) << 4 | hex(raw[3]);
        const int low = hex(raw[4]) << 4 | hex(raw[5]);
        c = high == 0 && low < 0x80 ? static_cast<char>(low) : '\xFF';
      } else if (const auto at = std::string_view("bfnrt").find(c); at != std::string_view::npos) {
        c = "\b\f\n\r\t"[at];
      }
      decode(std::string_view(&c, 1));
      raw.remove_prefix(unicode ? 6 : 2);
    }
  }

  void decode(std::string_view characters) {
    decoder_.decode(characters, [this](std::string_view bytes) {
      if (decoder_.decoded_bytes() > options_.max_decoded_bytes)
        throw error(errc::too_large,
                    fmt::format("the picture in the answer is larger than {} bytes", options_.max_decoded_bytes));
      sink_(bytes);
    });
  }

  void string_text(std::string_view raw, std::string_view characters) {
    if (use_ == use::keep || use_ == use::hold)
      keep(raw, characters);
    else if (use_ == use::decode)
      decode(characters);
  }

  void keep(std::string_view raw) { keep(raw, raw); }

  void keep(std::string_view raw, std::string_view characters) {
    if (raw.size() > options_.max_text_bytes - text_.size()) {
      if (item_.held_at == nowhere) refuse_text();
      const bool reading = item_.held_end == nowhere;
      item_.unkept = true;
      take_held();
      if (reading) return string_text(raw, characters);
      if (raw.size() > options_.max_text_bytes - text_.size()) refuse_text();
    }
    text_ += raw;
  }

  void read_word(std::string_view characters) {
    if (reads_word_) word_ += characters.substr(0, max_word_bytes - std::min(word_.size(), max_word_bytes));
  }

  [[noreturn]] void refuse_text() const {
    throw error(errc::too_large,
                fmt::format("the answer holds more than {} bytes of text beside the picture", options_.max_text_bytes));
  }

  [[noreturn]] static void refuse_twice(std::string_view key) {
    throw error(errc::corrupt, fmt::format("the answer has the member \"{}\" twice in one object", key));
  }

  base64_json_options options_;
  base64_sink sink_;
  base64_decoder decoder_;
  detail::json_push_lexer lexer_;
  std::string text_; // the document without the pictures
  std::string word_; // the key or type that is being read, unescaped
  item item_;
  std::size_t index_ = 0;
  use use_ = use::keep;
  bool responses_;
  bool reads_word_ = false;
  bool in_top_ = false;
  bool in_array_ = false;
  bool in_element_ = false;
  bool top_key_matches_ = false;
  bool key_is_picture_ = false;
  bool key_is_type_ = false;
  bool seen_top_key_ = false;
  bool seen_wanted_ = false; // an image_generation_call has been met
  bool found_ = false;
};

base64_json_extractor::base64_json_extractor(base64_json_options options, base64_sink sink)
    : reader_(std::make_unique<reader>(options, std::move(sink))) {}
base64_json_extractor::base64_json_extractor(base64_json_extractor&&) noexcept = default;
base64_json_extractor& base64_json_extractor::operator=(base64_json_extractor&&) noexcept = default;
base64_json_extractor::~base64_json_extractor() = default;

void base64_json_extractor::feed(std::string_view chunk) { reader_->feed(chunk); }
base64_json_result base64_json_extractor::finish() { return reader_->finish(); }

} // namespace weir::media

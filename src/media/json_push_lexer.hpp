#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::media::detail {

/// What json_push_lexer tells while it reads. `depth` counts the containers that are open around the thing.
class json_events {
 public:
  virtual void on_open(bool object, std::size_t depth) = 0;
  virtual void on_close(bool object, std::size_t depth) = 0;
  virtual void on_comma(std::size_t depth) = 0;
  virtual void on_colon() = 0;
  virtual void on_scalar(std::string_view piece) = 0; ///< a number or a literal, possibly in pieces, unchecked
  virtual void on_string_begin(bool key, std::size_t depth) = 0;
  virtual void on_string_piece(std::string_view plain) = 0;                  ///< no escapes, no control characters
  virtual void on_escape(std::string_view raw, std::uint16_t code_unit) = 0; ///< `raw` as it stands in the document
  virtual void on_string_end(bool key, std::size_t depth) = 0;

 protected:
  ~json_events() = default;
};

/// Splits a JSON document that arrives in pieces into events; holds no text but an unfinished escape. Checks the
/// nesting and the order of the tokens, escapes and control characters in strings; not the spelling of numbers and
/// literals, and not UTF-8. Fails: error corrupt with the offset in the document; error too_large for the depth.
class json_push_lexer {
 public:
  json_push_lexer(json_events& events, std::size_t max_depth) : events_(events), max_depth_(max_depth) {}

  void feed(std::string_view chunk);
  void finish();

 private:
  enum class state : std::uint8_t { value, first_element, first_key, key, colon, after_value, scalar, string, escape };

  const char* structure(const char* next);
  const char* scalar(const char* next, const char* end);
  const char* string(const char* next, const char* end);
  const char* escape(const char* next);
  void open(bool object);
  void close(bool object, char c);
  void begin_string(bool key);
  [[noreturn]] void unexpected(char c, std::string_view wanted) const;

  json_events& events_;
  std::size_t max_depth_;
  std::vector<bool> objects_; ///< for each open container: is it an object
  std::string escape_;
  std::uint64_t base_ = 0; ///< offset of the chunk in the document
  const char* chunk_ = nullptr;
  const char* next_ = nullptr;
  state state_ = state::value;
  bool key_ = false; ///< the string that is being read is a key
};

} // namespace weir::media::detail

#pragma once

#include "fakes/fault_proxy/stream.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::fakes::net {

/// The head of a request or an answer (RFC 9112, sections 2 to 5). Lines stay as they came, so that text() gives the
/// very bytes that were parsed unless somebody changed a line.
class head {
 public:
  /// Fails: nothing for text that is no head of HTTP/1.x.
  static std::optional<head> parse(std::string_view text);
  explicit head(std::string start_line) : start_(std::move(start_line)) {}

  const std::string& start() const { return start_; }
  /// The words of a request's first line.
  std::string method() const { return word(0); }
  std::string target() const { return word(1); }
  /// The number in an answer's first line.
  int status() const;
  bool http_1_0() const;

  /// Returns the value of the first line with this name, or nothing. Names: any case.
  std::optional<std::string> get(std::string_view name) const;
  void add(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  /// Changes the value where the first such line is, or adds one.
  void replace(std::string_view name, std::string_view value);
  /// Whether one of the comma-separated words of this header is `word`, any case.
  bool lists(std::string_view name, std::string_view word) const;
  std::string text() const;

 private:
  std::string word(int index) const;

  std::string start_;
  std::vector<std::string> lines_;
};

/// How the end of a body is known (RFC 9112, section 6.3).
enum class framing { none, length, chunked, until_close };

struct body_shape {
  framing how = framing::none;
  std::uint64_t length = 0;
};

/// Fails: nothing for a Content-Length that is no number.
std::optional<body_shape> body_of_request(const head& h);
std::optional<body_shape> body_of_answer(const head& h, std::string_view request_method);

/// A part of a body: `raw` as on the wire, `payload()` without chunk sizes.
struct piece {
  std::string raw;
  std::size_t payload_at = 0, payload_bytes = 0;
  /// Nothing follows: only known for framing::length and framing::chunked.
  bool last = false;
  std::string_view payload() const { return std::string_view(raw).substr(payload_at, payload_bytes); }
};

/// Reads a body piece by piece, 64 KiB at most each.
class body_reader {
 public:
  body_reader(stream& from, body_shape shape) : from_(from), shape_(shape), left_(shape.length) {}
  /// Returns false at the end; then complete() says whether it was the body's own end.
  bool next(piece& p);
  bool complete() const { return complete_; }
  /// Reads the rest. Returns its payload, or only counts it.
  std::string read_all();
  std::uint64_t skip_all();

 private:
  bool next_chunk(piece& p);

  stream& from_;
  body_shape shape_;
  std::uint64_t left_;
  bool complete_ = false;
};

} // namespace weir::fakes::net

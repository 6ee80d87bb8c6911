// Feeds the same bytes to the request parser at once and in pieces. Both must come to the same requests, within the
// limits, and consume no byte that is not there.

#include "http/request_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using weir::http::request;
using weir::http::detail::request_parser;

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

struct outcome {
  std::vector<request> messages;
  int status = 0;
  std::size_t used = 0;
};

void check(const request& message) {
  require(!message.method.empty(), "a method");
  require(message.path == "*" || message.path.starts_with('/'), "a path begins with a slash");
  for (const char c : message.path) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control in a path");
  require(("/" + message.path + "/").find("/../") == std::string::npos, "no dot segment");
  require(message.headers.count("Host") <= 1, "one host");
  require(message.headers.count("Content-Length") <= 1, "one length");
  require(!(message.headers.contains("Content-Length") && message.headers.contains("Transfer-Encoding")),
          "one framing");
  require(message.body.size() <= 1024, "the body limit");
  require(message.headers.size() <= 21, "the field limit, and the Host of an absolute target");
}

// Pieces of 1 to 16 bytes by `pattern`, or all at once where it is 0.
outcome parse(std::string_view wire, std::uint32_t pattern) {
  request_parser parser({.max_header_bytes = 4096, .max_header_fields = 20, .max_body_bytes = 1024});
  outcome result;
  request message;
  std::string pending;
  bool more = true;
  while (more && parser.refused_with() == 0) {
    const std::size_t piece = pattern == 0 ? wire.size() : std::min<std::size_t>(wire.size(), 1 + (pattern >> 28));
    if (pattern != 0) pattern = (pattern * 1664525u + 1013904223u) | 1u;
    pending.append(wire.substr(0, piece));
    wire.remove_prefix(piece);
    more = !wire.empty();
    for (;;) {
      const std::size_t used = parser.feed(pending, message);
      require(used <= pending.size(), "no byte that is not there");
      pending.erase(0, used);
      result.used += used;
      if (!parser.complete()) break;
      check(message);
      result.messages.push_back(message);
      parser.reset();
      if (pending.empty()) break;
    }
  }
  result.status = parser.refused_with();
  return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Below the header limit: the guard against chunk overhead counts per read, so it may tell big reads from small ones.
  if (size < 4 || size > 4000) return 0;
  const std::uint32_t pattern =
      1u | static_cast<std::uint32_t>(data[0]) << 8 | static_cast<std::uint32_t>(data[1]) << 24;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  const outcome whole = parse(wire, 0);
  const outcome pieces = parse(wire, pattern);
  require(whole.messages.size() == pieces.messages.size(), "as many requests");
  for (std::size_t i = 0; i < whole.messages.size(); ++i) {
    const request& a = whole.messages[i];
    const request& b = pieces.messages[i];
    require(a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query &&
                a.body == b.body && a.headers == b.headers && a.keep_alive == b.keep_alive,
            "the same requests");
  }
  // What is wrong may be seen a few bytes later in pieces, but never differently.
  if (whole.status != 0 && pieces.status != 0) require(whole.status == pieces.status, "the same refusal");
  return 0;
}

#include "http/request_parser.hpp"

#include "http/target.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace weir::http::detail {
namespace {

namespace beast = boost::beast;
using beast::error_code;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

// One message as Beast reads it. Any hook may refuse it: the status is kept and Beast stops.
class message_parser final : public beast::http::basic_parser<true> {
 public:
  message_parser(const request_limits& limits, request& into) : limits_(limits), into_(into) {
    eager(true);
    body_limit(boost::none); // counted here, where the status for it is known
    header_limit(UINT32_MAX);
    into_.headers.clear();
    into_.body.clear();
  }

  int status() const noexcept { return status_; }
  bool expects_continue() const noexcept { return expects_continue_; }
  bool is_http_1_0() const noexcept { return version_ == 10; }

 private:
  void refuse(int status, error_code& ec) {
    status_ = status;
    ec = beast::http::error::bad_value;
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    into_.method.assign(method.data(), method.size());
    into_.target.assign(target.data(), target.size());
    version_ = version;
  }

  void on_response_impl(int, beast::string_view, int, error_code&) override {}

  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value,
                     error_code& ec) override {
    if (has_head_) return; // a trailer: nothing may be changed by it, so it is dropped (RFC 9110 6.5.1)
    using enum beast::http::field;
    switch (field) {
    case host:
      if (++hosts_ > 1 || !is_valid_host(view(value))) return refuse(400, ec);
      break;
    case content_length:
      if (++lengths_ > 1 || !is_length(view(value))) return refuse(400, ec);
      break;
    case transfer_encoding:
      if (++codings_ > 1) return refuse(400, ec);
      check_coding(view(value), ec);
      if (ec) return;
      break;
    case expect:
      if (!equals_ignoring_case(view(value), "100-continue")) return refuse(417, ec);
      expects_continue_ = true;
      break;
    default:
      break;
    }
    if (into_.headers.size() >= limits_.max_header_fields) return refuse(431, ec);
    if (!is_valid_header_value(view(value))) return refuse(400, ec);
    into_.headers.add(view(name), view(value));
  }

  // Beast takes a list of equal lengths for one length; another reader may not.
  static bool is_length(std::string_view value) noexcept {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  }

  // RFC 9112 6.1 and 6.3: where chunked is not the last coding the length cannot be known (400); codings before it
  // are not implemented (501).
  void check_coding(std::string_view value, error_code& ec) {
    if (equals_ignoring_case(value, "chunked")) return;
    const std::size_t comma = value.rfind(',');
    if (comma == value.npos) return refuse(400, ec);
    std::string_view last = value.substr(comma + 1);
    last.remove_prefix(std::min(last.find_first_not_of(" \t"), last.size()));
    refuse(equals_ignoring_case(last, "chunked") ? 501 : 400, ec);
  }

  void on_header_impl(error_code& ec) override {
    has_head_ = true;
    if (codings_ > 0 && (version_ == 10 || lengths_ > 0)) return refuse(400, ec);
    if (version_ == 11 && hosts_ == 0) return refuse(400, ec);
    std::string authority;
    if (const int status = split_target(into_, authority)) return refuse(status, ec);
    if (!authority.empty()) into_.headers.set("Host", authority);
    // A length is a claim, not yet a body: refused before a byte is read, and memory follows what really arrives.
    if (const auto length = content_length()) {
      if (*length > limits_.max_body_bytes) return refuse(413, ec);
      into_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 * 1024)));
    }
    into_.keep_alive = keep_alive();
    if (version_ == 10) expects_continue_ = false; // RFC 9110 10.1.1: must be ignored there
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}

  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    into_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_chunk_header_impl(std::uint64_t size, beast::string_view, error_code& ec) override {
    if (size > limits_.max_body_bytes - into_.body.size()) refuse(413, ec);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code&) override {
    into_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_finish_impl(error_code&) override {}

  const request_limits& limits_;
  request& into_;
  int status_ = 0;
  int version_ = 11;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  unsigned codings_ = 0;
  bool has_head_ = false;
  bool expects_continue_ = false;
};

// Finds the end of a head that arrives in pieces, and refuses on the way what Beast would repair.
class head_scanner {
 public:
  // Looks at the bytes behind those of the last call. Returns: the length of the head, or 0 if its end is not there.
  std::size_t scan(std::string_view data, const request_limits& limits) {
    if (scanned_ == 0 && !data.empty() && !is_first_byte(data.front())) return fail(400);
    while (scanned_ < data.size()) {
      const void* found = std::memchr(data.data() + scanned_, '\n', data.size() - scanned_);
      if (!found) {
        scanned_ = data.size();
        break;
      }
      const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - data.data());
      scanned_ = newline + 1;
      if (newline == 0 || data[newline - 1] != '\r') return fail(400);
      if (lines_ > 0 && (data[line_] == ' ' || data[line_] == '\t')) return fail(400);
      const bool empty = newline == line_ + 1;
      line_ = newline + 1;
      if (empty && lines_ == 0) {
        // RFC 9112 2.2: one empty line before the request is forgiven.
        if (std::exchange(forgave_, true)) return fail(400);
        start_ = line_;
        continue;
      }
      ++lines_;
      if (line_ - start_ > limits.max_header_bytes) return fail(lines_ == 1 ? 414 : 431);
      if (empty) return line_;
    }
    if (data.size() - std::min(start_, data.size()) > limits.max_header_bytes) return fail(lines_ == 0 ? 414 : 431);
    return 0;
  }

  std::size_t start() const noexcept { return start_; }
  int status() const noexcept { return status_; }

 private:
  static bool is_first_byte(char c) noexcept { return c == '\r' || is_valid_header_name({&c, 1}); }

  std::size_t fail(int status) noexcept {
    status_ = status;
    return 0;
  }

  std::size_t scanned_ = 0;
  std::size_t line_ = 0;
  std::size_t start_ = 0;
  std::size_t lines_ = 0;
  bool forgave_ = false;
  int status_ = 0;
};

// The version is the last word of the request line; one that is well-formed and not ours is 505, anything else 400.
int status_of_bad_version(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t space = line.rfind(' ');
  const std::string_view word = space == line.npos ? line : line.substr(space + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return word.size() == 8 && word.starts_with("HTTP/") && digit(word[5]) && word[6] == '.' && digit(word[7]) ? 505
                                                                                                             : 400;
}

} // namespace

struct request_parser::impl {
  explicit impl(const request_limits& given) : limits(given) {}

  std::size_t feed(std::string_view data, request& into);
  std::size_t feed_head(std::string_view data, request& into);
  std::size_t put(std::string_view data);
  void check_overhead(std::size_t left);

  request_limits limits;
  head_scanner scanner;
  std::optional<message_parser> message;
  std::size_t body_wire_bytes = 0;
  request* target = nullptr;
  int status = 0;
};

std::size_t request_parser::impl::put(std::string_view data) {
  error_code ec;
  const std::size_t used = message->put({data.data(), data.size()}, ec);
  if (!ec || ec == beast::http::error::need_more) return used;
  if (message->status() != 0)
    status = message->status();
  else
    status = ec == beast::http::error::bad_version ? status_of_bad_version(data) : 400;
  return used;
}

std::size_t request_parser::impl::feed_head(std::string_view data, request& into) {
  const std::size_t length = scanner.scan(data, limits);
  status = scanner.status();
  if (length == 0) return 0;
  message.emplace(limits, into);
  target = &into;
  // The head first and alone: a body must not be read before the head was accepted.
  const std::size_t skipped = scanner.start();
  const std::size_t used = put(data.substr(skipped, length - skipped));
  if (status == 0 && used != length - skipped) status = 400;
  return length;
}

// A body of one-byte chunks costs six bytes a byte; one drowned in chunk extensions or trailers is an attack.
void request_parser::impl::check_overhead(std::size_t left) {
  if (left > limits.max_header_bytes || body_wire_bytes > 16 * target->body.size() + limits.max_header_bytes)
    status = 400;
}

std::size_t request_parser::impl::feed(std::string_view data, request& into) {
  std::size_t used = 0;
  if (!message) {
    used = feed_head(data, into);
    if (!message || status != 0) return used;
    data.remove_prefix(used);
  }
  if (message->is_done() || data.empty()) return used;
  // What is missing of a chunked body is never shorter than its last line, and Beast relies on seeing that much.
  if (message->chunked() && data.size() < std::string_view("0\r\n\r\n").size()) return used;
  const std::size_t body_used = put(data);
  if (status == 0 && !message->is_done() && message->chunked()) {
    body_wire_bytes += body_used;
    check_overhead(data.size() - body_used);
  }
  return used + body_used;
}

request_parser::request_parser(const request_limits& limits) : impl_(std::make_unique<impl>(limits)) {}
request_parser::~request_parser() = default;
request_parser::request_parser(request_parser&&) noexcept = default;
request_parser& request_parser::operator=(request_parser&&) noexcept = default;

std::size_t request_parser::feed(std::string_view data, request& into) {
  if (impl_->status != 0 || complete()) return 0;
  return impl_->feed(data, into);
}

bool request_parser::complete() const noexcept {
  return impl_->status == 0 && impl_->message && impl_->message->is_done();
}
int request_parser::refused_with() const noexcept { return impl_->status; }
bool request_parser::has_head() const noexcept { return impl_->message.has_value() && impl_->status == 0; }
bool request_parser::expects_continue() const noexcept { return impl_->message->expects_continue(); }
bool request_parser::is_http_1_0() const noexcept { return impl_->message->is_http_1_0(); }

void request_parser::reset() noexcept {
  impl_->scanner = {};
  impl_->message.reset();
  impl_->body_wire_bytes = 0;
  impl_->target = nullptr;
  impl_->status = 0;
}

} // namespace weir::http::detail

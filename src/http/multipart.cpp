#include <weir/core/error.hpp>
#include <weir/http/headers.hpp>
#include <weir/http/multipart.hpp>

#include <random>

namespace weir::http {
namespace {

std::string random_boundary() {
  std::random_device device;
  std::string text = "----weir-";
  for (int i = 0; i < 4; ++i) {
    unsigned bits = device();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4) text += "0123456789abcdef"[bits & 15];
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"')
      out += "%22";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else if (c == '\0')
      throw error(errc::invalid_argument, "a name in a form holds a NUL byte; remove it");
    else
      out += c;
  }
  return out;
}

} // namespace

multipart::multipart() : boundary_(random_boundary()) {
  data_.content_type = "multipart/form-data; boundary=" + boundary_;
}

void multipart::begin_part(std::string_view name, std::string_view file_name, std::string_view content_type) {
  if (!is_valid_header_value(content_type))
    throw error(errc::invalid_argument, "the content type of form part \"" + escaped(name) + "\" holds a control byte");
  pending_ += "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"" + escaped(name) + "\"";
  if (!file_name.empty()) pending_ += "; filename=\"" + escaped(file_name) + "\"";
  if (!content_type.empty()) pending_.append("\r\nContent-Type: ").append(content_type);
  pending_ += "\r\n\r\n";
}

void multipart::flush() {
  if (pending_.empty()) return;
  const std::uint64_t length = pending_.size();
  data_.segments.push_back({.bytes = std::move(pending_), .file = {}, .offset = 0, .length = length});
  data_.length += length;
  pending_.clear();
}

multipart& multipart::add(std::string_view name, std::string_view value) {
  begin_part(name, {}, {});
  pending_.append(value).append("\r\n");
  return *this;
}

multipart& multipart::add_bytes(std::string_view name, std::string_view file_name, std::string_view content_type,
                                std::string bytes) {
  begin_part(name, file_name, content_type);
  flush();
  const std::uint64_t length = bytes.size();
  data_.segments.push_back({.bytes = std::move(bytes), .file = {}, .offset = 0, .length = length});
  data_.length += length;
  pending_ = "\r\n";
  return *this;
}

multipart& multipart::add_file(std::string_view name, std::string_view file_name, std::string_view content_type,
                               unique_fd file) {
  detail::body_segment source = detail::file_segment(std::move(file), 0, std::nullopt);
  begin_part(name, file_name, content_type);
  flush();
  data_.length += source.length;
  data_.segments.push_back(std::move(source));
  pending_ = "\r\n";
  return *this;
}

body multipart::finish() && {
  pending_ += "--" + boundary_ + "--\r\n";
  flush();
  return body(std::exchange(data_, {}));
}

} // namespace weir::http

#pragma once

#include <weir/http/body.hpp>

namespace weir::http {

/// Builds a `multipart/form-data` body (RFC 7578) of fields and files, whose length is known before it is sent.
///
///     weir::http::multipart form;
///     form.add("model", "sora-2");
///     form.add_file("input_reference", "shot.png", "image/png", std::move(fd));
///     co_await client.send({.method = "POST", .url = url, .body = std::move(form).finish()});
///
/// Names and file names are written as browsers do (WHATWG HTML, "multipart/form-data encoding algorithm"): a quotation
/// mark becomes %22, CR %0D, LF %0A, so none of them can end its line.
class multipart {
 public:
  /// A fresh random boundary of 128 bits.
  multipart();

  /// A plain field.
  multipart& add(std::string_view name, std::string_view value);

  /// A file whose bytes are in memory.
  /// Fails: weir::error(invalid_argument) if `content_type` holds a control byte.
  multipart& add_bytes(std::string_view name, std::string_view file_name, std::string_view content_type,
                       std::string bytes);

  /// A file that is read while it is sent. Fails: as add_bytes and body::from_file.
  multipart& add_file(std::string_view name, std::string_view file_name, std::string_view content_type, unique_fd file);

  /// Returns: the body, with its content type and length. This object is empty afterwards.
  body finish() &&;

 private:
  void begin_part(std::string_view name, std::string_view file_name, std::string_view content_type);
  void flush();

  std::string boundary_;
  std::string pending_; // text that goes before the next stretch
  detail::body_data data_;
};

} // namespace weir::http

#include <weir/core/error.hpp>
#include <weir/http/body.hpp>

#include <sys/stat.h>

#include <cerrno>

namespace weir::http {

body::body(std::string bytes) {
  detail::body_data data;
  data.length = bytes.size();
  data.segments.push_back({.bytes = std::move(bytes), .file = {}, .offset = 0, .length = data.length});
  data_ = std::make_shared<const detail::body_data>(std::move(data));
}

body::body(detail::body_data data) : data_(std::make_shared<const detail::body_data>(std::move(data))) {}

body body::from_file(unique_fd file, std::uint64_t offset, std::optional<std::uint64_t> length) {
  detail::body_data data;
  data.segments.push_back(detail::file_segment(std::move(file), offset, length));
  data.length = data.segments.front().length;
  return body(std::move(data));
}

detail::body_segment detail::file_segment(unique_fd file, std::uint64_t offset, std::optional<std::uint64_t> length) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw errno_error(errno, "the file to send");
  if (!S_ISREG(status.st_mode))
    throw error(errc::invalid_argument, "the file to send is not a regular file: read it first and send its bytes");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset > size || (length && *length > size - offset))
    throw error(errc::invalid_argument, "the file to send has only " + std::to_string(size) + " bytes");
  return {.bytes = {}, .file = std::move(file), .offset = offset, .length = length.value_or(size - offset)};
}

} // namespace weir::http

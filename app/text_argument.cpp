#include "text_argument.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace weir::app {

namespace {

constexpr std::size_t max_bytes = std::size_t{1} << 20;

std::string read_all(int fd, const std::string& name) {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, name);
    if (n == 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > max_bytes) throw error(errc::too_large, name + " is longer than 1 MiB");
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

} // namespace

std::string text_argument(const std::string& given) {
  if (given == "-") return read_all(STDIN_FILENO, "standard input");
  if (given.starts_with("@@")) return given.substr(1);
  if (!given.starts_with('@')) return given;
  const std::string path = given.substr(1);
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw error(errc::invalid_argument, errno_error(errno, "'" + path + "'").what());
  return read_all(file.get(), "'" + path + "'");
}

} // namespace weir::app

#include "testing/descriptor_name.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>

namespace weir::testing {

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> open;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  if (!folder) return open;
  while (const dirent* entry = ::readdir(folder.get())) {
    char* end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    if (end == entry->d_name || fd == ::dirfd(folder.get())) continue;
    char target[4096];
    const auto length = ::readlinkat(::dirfd(folder.get()), entry->d_name, target, sizeof target);
    if (length > 0) open.emplace(static_cast<int>(fd), std::string(target, static_cast<std::size_t>(length)));
  }
  return open;
}

static std::optional<std::string> address_text(const sockaddr_storage& address, socklen_t length) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in.sin6_port));
  }
  if (address.ss_family == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(address);
    std::string path(un.sun_path, length - offsetof(sockaddr_un, sun_path));
    if (!path.empty() && path.front() == '\0') path.front() = '@';
    return path.substr(0, path.find('\0'));
  }
  return std::nullopt;
}

std::string descriptor_name(int fd, const std::string& target) {
  if (target.rfind("socket:", 0) != 0) return target;
  std::string name = target;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0)
    if (const auto here = address_text(address, length)) name += " on " + *here;
  length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0)
    if (const auto there = address_text(address, length)) name += " to " + *there;
  return name;
}

} // namespace weir::testing

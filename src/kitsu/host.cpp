#include "kitsu/host.hpp"

#include <weir/core/error.hpp>
#include <weir/http/headers.hpp>

#include <arpa/inet.h>

#include <charconv>

namespace weir::kitsu {
namespace {

[[noreturn]] void refuse(std::string_view host, const std::string& why) {
  throw error(errc::invalid_argument, "the host \"" + std::string(host.substr(0, 200)) + "\" " + why);
}

bool is_loopback(const std::string& name) {
  if (http::equals_ignoring_case(name, "localhost")) return true;
  in_addr four{};
  if (::inet_pton(AF_INET, name.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return name == "::1";
}

} // namespace

std::string checked_host(std::string_view host, bool allow_plain_http) {
  if (host.empty())
    throw error(errc::invalid_argument, "there is no host; give one such as https://kitsu.example.com/api");
  for (const char c : host)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>')
      throw error(errc::invalid_argument, "the host holds a space or a character that no address has");
  const std::size_t colon = host.find("://");
  if (colon == host.npos) refuse(host, "has no scheme; write https://" + std::string(host.substr(0, 200)));
  const std::string_view scheme = host.substr(0, colon);
  const bool secure = http::equals_ignoring_case(scheme, "https");
  if (!secure && !http::equals_ignoring_case(scheme, "http")) refuse(host, "is neither https nor http");
  if (host.find_first_of("?#") != host.npos) refuse(host, "has a query or a fragment; it ends with its path");

  const std::string_view rest = host.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != authority.npos)
    throw error(errc::invalid_argument, "the host holds a user name or password; give those to log_in");
  std::string name;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == authority.npos) refuse(host, "has a \"[\" without \"]\"");
    name = authority.substr(1, end - 1);
    in6_addr six{};
    if (::inet_pton(AF_INET6, name.c_str(), &six) != 1) refuse(host, "has no IPv6 address between its brackets");
    port = authority.substr(end + 1);
  } else {
    name = authority.substr(0, authority.find(':'));
    port = authority.substr(name.size());
  }
  if (name.empty()) refuse(host, "names no machine");
  if (!port.empty()) {
    unsigned number = 0;
    const auto [end, problem] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
    if (port.front() != ':' || problem != std::errc() || end != port.data() + port.size() || number == 0 ||
        number > 65535)
      refuse(host, "has a port that is no number from 1 to 65535");
  }
  if (!secure && !allow_plain_http && !is_loopback(name))
    refuse(host, "is not encrypted: passwords and tokens could be read on the way. Write https://, or allow it by "
                 "name: allow_plain_http (--allow-plain-http)");
  while (host.ends_with('/')) host.remove_suffix(1);
  return std::string(host);
}

} // namespace weir::kitsu

#include "http/multi.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir::http::detail {
namespace {

std::string read_whole(const char* path, bool& found) {
  std::string content;
  unique_fd file(::open(path, O_RDONLY | O_CLOEXEC));
  found = static_cast<bool>(file);
  char piece[16 * 1024];
  while (found) {
    const ssize_t n = ::read(file.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) found = false;
    if (n <= 0) break;
    content.append(piece, static_cast<std::size_t>(n));
  }
  return content;
}

/// The file with the authorities that the system trusts: SSL_CERT_FILE, as OpenSSL reads it, else the usual places.
std::string system_bundle() {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named && *named && ::access(named, R_OK) == 0) return named;
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    if (::access(path, R_OK) == 0) return path;
  return {};
}

} // namespace

// libcurl caches the parsed authorities only where they come from one file (20 ms per connection otherwise), and takes
// one file only: the system's and the caller's are put together in a file in memory.
void multi::load_authorities() {
  if (const std::string& own = options_.client_certificate_file; !own.empty()) {
    bool found = false;
    const std::string pem = read_whole(own.c_str(), found);
    if (!found)
      throw error(errc::not_found, "client_certificate_file cannot be read: name a PEM file with a certificate and its "
                                   "private key");
    if (pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos ||
        pem.find("PRIVATE KEY-----") == std::string::npos)
      throw error(errc::invalid_argument,
                  "client_certificate_file must hold a certificate and its private key, both in "
                  "PEM");
  }
  const std::string system = system_bundle();
  if (options_.ca_file.empty()) {
    ca_path_ = system;
    return;
  }
  bool found = false;
  std::string all = read_whole(options_.ca_file.c_str(), found);
  if (!found || all.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    throw error(found ? errc::invalid_argument : errc::not_found,
                found ? "ca_file holds no PEM certificate (-----BEGIN CERTIFICATE-----)"
                      : "ca_file cannot be read: name a PEM file of certificate authorities");
  if (!system.empty()) all += "\n" + read_whole(system.c_str(), found);
  ca_file_.reset(::memfd_create("weir-authorities", MFD_CLOEXEC));
  if (!ca_file_) throw errno_error(errno, "the list of certificate authorities");
  for (std::size_t done = 0; done < all.size();) {
    const ssize_t n = ::write(ca_file_.get(), all.data() + done, all.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw errno_error(errno, "the list of certificate authorities");
    done += static_cast<std::size_t>(n);
  }
  ca_path_ = "/proc/self/fd/" + std::to_string(ca_file_.get());
}

} // namespace weir::http::detail

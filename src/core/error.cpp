#include <weir/core/error.hpp>

#include <cerrno>
#include <system_error>

namespace weir {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::invalid_argument:
    return "invalid_argument";
  case errc::not_found:
    return "not_found";
  case errc::already_exists:
    return "already_exists";
  case errc::permission_denied:
    return "permission_denied";
  case errc::not_configured:
    return "not_configured";
  case errc::unsupported:
    return "unsupported";
  case errc::too_large:
    return "too_large";
  case errc::corrupt:
    return "corrupt";
  case errc::no_space:
    return "no_space";
  case errc::unavailable:
    return "unavailable";
  case errc::remote:
    return "remote";
  case errc::job_failed:
    return "job_failed";
  case errc::maybe_bought:
    return "maybe_bought";
  case errc::timeout:
    return "timeout";
  case errc::deadlock:
    return "deadlock";
  case errc::internal:
    return "internal";
  }
  return "internal";
}

static errc code_of(int number) noexcept {
  switch (number) {
  case ENOENT:
    return errc::not_found;
  case EACCES:
  case EPERM:
  case EROFS:
    return errc::permission_denied;
  case ENOSPC:
  case EDQUOT:
    return errc::no_space;
  case EEXIST:
    return errc::already_exists;
  case EFBIG:
    return errc::too_large;
  case ENAMETOOLONG:
  case EINVAL:
  case ENOTDIR:
  case EISDIR:
  case ELOOP:
  case EXDEV:
    return errc::invalid_argument;
  default:
    return errc::internal;
  }
}

error errno_error(int number, std::string_view what) {
  return error(code_of(number), std::string(what) + ": " + std::generic_category().message(number));
}

} // namespace weir

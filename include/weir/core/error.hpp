#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace weir {

/// What kind of failure an `error` is: the field that programs branch on. The text is for people.
enum class errc {
  invalid_argument,  ///< the caller's value is wrong; the same call fails again
  not_found,         ///< no such file, job, tool or remote object
  already_exists,    ///< refused because something would be overwritten
  permission_denied, ///< the operating system or the server refused access
  not_configured,    ///< a key, a folder or a program is missing; the text says which
  unsupported,       ///< understood, but this provider or build cannot do it
  too_large,         ///< a limit was met before the memory was spent
  corrupt,           ///< the bytes are not what they claim to be
  no_space,          ///< the disk or the quota is full
  unavailable,       ///< the other side could not be reached or broke off
  remote,            ///< the other side answered with an error
  job_failed,        ///< the job ended in failure; nothing went wrong on the way
  maybe_bought,      ///< a billable call may have been carried out: look before repeating it
  timeout,           ///< the time allowed ran out; the work was cancelled
  deadlock,          ///< nothing can run any more and something waits
  internal,          ///< a broken promise inside Weir
};

/// The stable lower-case name of `code`, for example "not_found".
std::string_view to_string(errc code) noexcept;

/// The exception that Weir throws for every failure that is not cancellation (see cancelled.hpp).
/// The text says what was wrong, which name, and what to do; it holds no secret and no absolute server path.
class error : public std::runtime_error {
 public:
  error(errc code, const std::string& message) : std::runtime_error(message), code_(code) {}

  errc code() const noexcept { return code_; }

  /// The HTTP status behind a `remote` error; 0 where there is none.
  int status() const noexcept { return status_; }
  error& with_status(int status) noexcept {
    status_ = status;
    return *this;
  }

 private:
  errc code_;
  int status_ = 0;
};

/// Returns an `error` for the `errno` value `number`: "<what>: <reason>". `what` names the thing as the user named it.
/// ENOENT maps to not_found, EACCES/EPERM to permission_denied, ENOSPC/EDQUOT to no_space, EEXIST to already_exists,
/// ENAMETOOLONG/EINVAL/ENOTDIR/EISDIR/ELOOP/EXDEV to invalid_argument, anything else to internal.
error errno_error(int number, std::string_view what);

} // namespace weir

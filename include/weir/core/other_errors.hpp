#pragma once

#include <exception>
#include <vector>

namespace weir {

/// Several tasks of a group can fail at once. The first failure is the one that is rethrown, as itself; those of the
/// others are attached to it. Called in the handler that caught it:
///
///     catch (const my_error& e) {
///       for (const std::exception_ptr& other : weir::other_errors()) log(other);
///     }
///
/// Returns the failures attached to the exception that is being handled, in order of arrival; none outside of a
/// handler. Kept for the last 32 such failures of the thread. Thread-safety: any thread, about its own handlers.
std::vector<std::exception_ptr> other_errors();

namespace detail {

/// The failures of the children of one scope. Cancellations are how children end, not why: they do not count.
class failures {
 public:
  /// Notes one; `failure` may be empty.
  void add(std::exception_ptr failure) noexcept;
  explicit operator bool() const noexcept { return first_ != nullptr; }
  /// Throws the first with the others attached, if there is any.
  void rethrow();

 private:
  std::exception_ptr first_;
  std::vector<std::exception_ptr> others_;
};

bool is_cancellation(const std::exception_ptr& failure) noexcept;

} // namespace detail
} // namespace weir

#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

/// The outcome of a task kept as a value: a T, the exception that it threw, or cancelled. `T` may be void.
template <class T>
class result {
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  result(stored value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  /// `failure` must hold an exception; one of type `cancelled` makes a cancelled outcome.
  explicit result(std::exception_ptr failure) : outcome_(std::in_place_index<1>, std::move(failure)) {}

  bool has_value() const noexcept { return outcome_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Returns the value. Fails: rethrows the exception (or `cancelled`) of the task.
  T value() && {
    if (!has_value()) std::rethrow_exception(std::get<1>(outcome_));
    if constexpr (!std::is_void_v<T>) return std::move(std::get<0>(outcome_));
  }
  std::conditional_t<std::is_void_v<T>, void, const stored&> value() const& {
    if (!has_value()) std::rethrow_exception(std::get<1>(outcome_));
    if constexpr (!std::is_void_v<T>) return std::get<0>(outcome_);
  }

  /// Returns the exception, or nullptr where there is a value.
  std::exception_ptr failure() const noexcept { return has_value() ? nullptr : std::get<1>(outcome_); }
  bool is_cancelled() const noexcept {
    if (has_value()) return false;
    try {
      std::rethrow_exception(std::get<1>(outcome_));
    } catch (const cancelled&) {
      return true;
    } catch (...) {
      return false;
    }
  }

 private:
  std::variant<stored, std::exception_ptr> outcome_;
};

} // namespace weir

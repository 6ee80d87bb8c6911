#pragma once

#include <weir/core/loop.hpp>

#include <utility>

namespace weir {

/// Refers to a loop from any thread, and may outlive it: the way in for threads that are not Weir's own. While one
/// exists, its loop is never reported as deadlocked, since the holder may still post.
/// Copyable. Thread-safety: all functions may be called from any thread.
class loop_handle {
 public:
  /// Refers to no loop.
  loop_handle() noexcept = default;
  /// Refers to `owner`; made on the loop's thread: `loop_handle here(loop::current())`.
  explicit loop_handle(const loop& owner) : address_(owner.address()) {}

  /// Calls `function()` on the loop's thread, soon, in order of posting. `function` must not throw.
  /// Returns false, and drops `function`, when the loop is gone. Cost: one allocation; at most one wake-up per turn.
  template <class F>
  bool post(F function) const {
    if (!address_) return false;
    auto* node = new detail::posted<F>(std::move(function));
    if (address_.post(node)) return true;
    delete node;
    return false;
  }

  explicit operator bool() const noexcept { return static_cast<bool>(address_); }
  friend bool operator==(const loop_handle&, const loop_handle&) noexcept = default;

  // For the other rooms of the library.
  explicit loop_handle(detail::loop_address address) noexcept : address_(std::move(address)) {}
  const detail::loop_address& address() const noexcept { return address_; }

 private:
  detail::loop_address address_;
};

} // namespace weir

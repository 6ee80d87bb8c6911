#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

template <class Signature>
class callback;

/// A function object of any type with this signature, or none. What std::function is, for headers that everybody
/// includes: that one's header costs a fifth of a second of each compilation. Copies share one function object, which
/// need not be copyable.
/// Thread-safety: as the function object's. Cost: one allocation to make, none to copy.
template <class R, class... Args>
class callback<R(Args...)> {
 public:
  callback() noexcept = default;
  callback(std::nullptr_t) noexcept {}
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, callback> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  callback(F&& function) {
    using stored = std::decay_t<F>;
    // An empty function object or a null pointer makes an empty callback.
    if constexpr (requires { function == nullptr; })
      if (function == nullptr) return;
    function_ = std::make_shared<stored>(std::forward<F>(function));
    call_ = [](void* object, Args... args) -> R {
      return (*static_cast<stored*>(object))(std::forward<Args>(args)...);
    };
  }

  explicit operator bool() const noexcept { return function_ != nullptr; }
  /// Calls it; there must be one.
  R operator()(Args... args) const { return call_(function_.get(), std::forward<Args>(args)...); }

 private:
  std::shared_ptr<void> function_;
  R (*call_)(void*, Args...) = nullptr;
};

} // namespace weir

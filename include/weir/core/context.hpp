#pragma once

#include <weir/core/task.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

/// One value that follows tasks, on top of those set further out. Immutable, so that threads may share it.
struct context_frame : std::enable_shared_from_this<context_frame> {
  context_frame(const void* k, std::shared_ptr<const context_frame> p) noexcept : key(k), outer(std::move(p)) {}
  virtual ~context_frame() = default;

  const void* key;
  std::shared_ptr<const context_frame> outer;
};

template <class T>
struct context_frame_of final : context_frame {
  context_frame_of(const void* k, std::shared_ptr<const context_frame> p, T v)
      : context_frame(k, std::move(p)), value(std::move(v)) {}
  T value;
};

/// The values of a function that runs outside of the loop, or of a plain call; beside those of `current_scope`.
inline thread_local constinit const context_frame* thread_context = nullptr;

inline const context_frame* context_here() noexcept {
  if (thread_context) return thread_context;
  return current_scope ? current_scope->context : nullptr;
}

inline std::shared_ptr<const context_frame> shared_context_here() noexcept {
  const context_frame* here = context_here();
  return here ? here->shared_from_this() : nullptr;
}

} // namespace detail

/// A value that follows a task into everything that it awaits, gathers and spawns, and into functions that it runs on
/// threads: a request's id, a user, a log's prefix. Declared once, usually as a global constant:
///
///     inline const weir::context_value<std::string> request_id;
///     co_await request_id.with("r-17", handle(request));    // in there, everywhere: request_id.get()
///
/// Thread-safety: a value is read by several threads at once where functions run on threads; T must bear that.
/// Cost: `get` walks the values that are set; `with` allocates once.
template <class T>
class context_value {
 public:
  explicit context_value(T fallback = T()) : fallback_(std::move(fallback)) {}
  context_value(const context_value&) = delete;
  context_value& operator=(const context_value&) = delete;

  /// Returns the value that was set nearest; where none is, the fallback. It lives as long as the call that set it.
  const T& get() const noexcept {
    for (const auto* frame = detail::context_here(); frame; frame = frame->outer.get())
      if (frame->key == this) return static_cast<const detail::context_frame_of<T>*>(frame)->value;
    return fallback_;
  }

  /// Runs `work` with this value. Nobody else sees it: not the caller, not tasks beside it. Returns, fails and is
  /// cancelled as `work`.
  template <class R>
  task<R> with(T value, task<R> work) const {
    return with_frame(
        std::make_shared<const detail::context_frame_of<T>>(this, detail::shared_context_here(), std::move(value)),
        std::move(work));
  }

  /// Calls the plain function `f()` with this value, on the loop or on a worker thread.
  template <std::invocable F>
  std::invoke_result_t<F> call_with(T value, F&& f) const {
    const auto frame =
        std::make_shared<const detail::context_frame_of<T>>(this, detail::shared_context_here(), std::move(value));
    struct restore {
      const detail::context_frame* before;
      ~restore() { detail::thread_context = before; }
    } at_end{std::exchange(detail::thread_context, frame.get())};
    return std::forward<F>(f)();
  }

 private:
  template <class R>
  static task<R> with_frame(std::shared_ptr<const detail::context_frame> frame, task<R> work) {
    detail::scope inside(co_await detail::this_frame{}, "context value");
    inside.context = frame.get();
    co_return co_await detail::in_scope<R>{std::move(work), inside};
  }

  T fallback_;
};

} // namespace weir

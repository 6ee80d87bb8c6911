#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <new>
#include <source_location>

namespace weir::detail {

class scope;

/// Recycles the coroutine frames of one thread: a free list per size. Most programs create the same few kinds of frame
/// over and over, and malloc is most of what that costs. Trivially destructible on purpose, so that access is one
/// instruction; a loop empties it when it dies.
struct frame_cache {
  struct unused {
    unused* next;
  };
  static constexpr std::size_t step = 32;
  static constexpr std::size_t sizes = 32;
  static constexpr std::size_t max_held_bytes = 4 << 20;

  unused* free[sizes] = {};
  std::size_t held_bytes = 0;
  std::ptrdiff_t live = 0; ///< frames that exist; a frame freed on another thread counts there

  void* take(std::size_t bytes) {
    ++live;
    const std::size_t kind = (bytes - 1) / step;
    if (kind >= sizes) return ::operator new(bytes);
    if (unused* found = free[kind]) {
      free[kind] = found->next;
      held_bytes -= (kind + 1) * step;
      return found;
    }
    return ::operator new((kind + 1) * step);
  }
  void give_back(void* frame, std::size_t bytes) noexcept {
    --live;
    const std::size_t kind = (bytes - 1) / step;
    if (kind >= sizes || held_bytes >= max_held_bytes || !recycles) return ::operator delete(frame);
    auto* entry = ::new (frame) unused{free[kind]};
    free[kind] = entry;
    held_bytes += (kind + 1) * step;
  }
  /// Returns what it holds to the system.
  void clear() noexcept;

// A sanitizer has to see each frame come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool recycles = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  static constexpr bool recycles = false;
#else
  static constexpr bool recycles = true;
#endif
#else
  static constexpr bool recycles = true;
#endif
};

inline thread_local constinit frame_cache frames;

/// The `co_await` that the coroutine running on this thread passed last. Another thread may read it (through a pointer)
/// to say where a loop is stuck: a source_location points to static data.
inline thread_local constinit std::atomic<std::source_location> running_at{std::source_location()};

/// Told when a task without an awaiting coroutine has ended. Returns what to run next.
struct completion {
  std::coroutine_handle<> (*finished)(completion*) noexcept = nullptr;
  const char* name = nullptr; ///< for reports; lives as long as the completion
};

/// What every coroutine of Weir keeps in its frame: where it belongs and who awaits it.
struct promise_base {
  scope* current = nullptr;
  std::coroutine_handle<> continuation; ///< nobody: the task was started, not awaited
  union {
    promise_base* parent = nullptr; ///< of the awaiting coroutine, where there is one
    completion* done;               ///< else
  };
  std::source_location awaited_at; ///< the co_await in the parent

  static void* operator new(std::size_t bytes) { return frames.take(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { frames.give_back(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct final_awaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      promise_base& promise = self.promise();
      if (promise.continuation) {
        running_at.store(promise.awaited_at, std::memory_order_relaxed);
        return promise.continuation;
      }
      return promise.done->finished(promise.done);
    }
    void await_resume() noexcept {}
  };
  final_awaiter final_suspend() noexcept { return {}; }

  /// This coroutine is awaited by `waiter` at `at`, in the scope `where`.
  template <class Promise>
  void awaited_by(std::coroutine_handle<Promise> waiter, scope* where, std::source_location at) noexcept {
    current = where;
    continuation = waiter;
    parent = &waiter.promise();
    awaited_at = at;
    running_at.store(at, std::memory_order_relaxed);
  }
};

} // namespace weir::detail

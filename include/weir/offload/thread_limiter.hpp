#pragma once

#include <weir/core/limiter.hpp>

#include <cstddef>
#include <memory>

namespace weir {

namespace detail {
struct lane;
}

/// Lets at most `capacity` functions of one kind of work run at once on pool threads; the rest waits in order of
/// arrival. Kept by the pool: a thread that is done takes the next function without a way through the loop. Kinds that
/// have limiters of their own cannot starve each other: threads are made as needed, only limiters bound them, and free
/// threads serve the kinds in turn.
/// Use a plain `limiter` where other things than functions on threads count too.
/// Thread-safety: any thread. It must outlive the functions that it counts, except abandoned ones.
class thread_limiter {
 public:
  static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

  /// `name`, for reports, outlives the limiter: a literal. A capacity of 0 lets nothing run until it is raised.
  explicit thread_limiter(std::size_t capacity, const char* name = nullptr);
  ~thread_limiter();
  thread_limiter(const thread_limiter&) = delete;
  thread_limiter& operator=(const thread_limiter&) = delete;

  /// More starts waiting functions at once; less takes nothing away from those that run.
  void set_capacity(std::size_t capacity);
  std::size_t capacity() const;
  /// Functions that run, abandoned ones included.
  std::size_t in_use() const;
  /// Functions that wait for their turn.
  std::size_t waiting() const;
  const char* name() const noexcept;

  // For the other headers of this room.
  const std::shared_ptr<detail::lane>& lane() const noexcept { return lane_; }

 private:
  std::shared_ptr<detail::lane> lane_;
};

namespace detail {

/// Either kind of limiter, or none.
class any_limiter {
 public:
  any_limiter() noexcept = default;
  any_limiter(std::nullptr_t) noexcept {}
  any_limiter(limiter* plain) noexcept : plain_(plain) {}
  any_limiter(thread_limiter* threads) noexcept : threads_(threads) {}

  limiter* plain() const noexcept { return plain_; }
  thread_limiter* threads() const noexcept { return threads_; }

 private:
  limiter* plain_ = nullptr;
  thread_limiter* threads_ = nullptr;
};

} // namespace detail
} // namespace weir

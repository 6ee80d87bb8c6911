#pragma once

#include <weir/core/task.hpp>

#include <cstddef>
#include <utility>

namespace weir {

class limiter;

/// Some units of a limiter, given back when it dies. Move-only. It must not outlive its limiter.
class [[nodiscard]] permit {
 public:
  permit() noexcept = default;
  permit(permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), units_(other.units_) {}
  permit& operator=(permit&& other) noexcept {
    if (this != &other) {
      release();
      owner_ = std::exchange(other.owner_, nullptr);
      units_ = other.units_;
    }
    return *this;
  }
  ~permit() { release(); }

  void release() noexcept;
  /// Lets go of a limiter that is gone already.
  void forget() noexcept { owner_ = nullptr; }
  explicit operator bool() const noexcept { return owner_ != nullptr; }

 private:
  friend class limiter;
  permit(limiter& owner, std::size_t units) noexcept : owner_(&owner), units_(units) {}

  limiter* owner_ = nullptr;
  std::size_t units_ = 0;
};

/// Lets at most `capacity` units be in use at once; the rest waits in order of arrival. Units are whatever the user
/// counts: jobs, connections, bytes.
/// Freed units go to the oldest waiter at once: nobody who comes later can take them in between, and a large request is
/// not starved by small ones. Thread-safety: the loop's thread only.
class limiter {
 public:
  /// `name`, for reports, outlives the limiter: a literal.
  explicit limiter(std::size_t capacity, const char* name = nullptr) noexcept : capacity_(capacity), name_(name) {}
  limiter(const limiter&) = delete;
  limiter& operator=(const limiter&) = delete;

  class [[nodiscard]] waiter : detail::wait_node {
   public:
    waiter(limiter& owner, std::size_t units) noexcept : wait_node(kind), owner_(owner), units_(units) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle_of_waiter,
                       std::source_location at = std::source_location::current()) noexcept {
      if (!begin(handle_of_waiter, at)) return false;
      if (owner_.waiters_.empty() && owner_.fits(units_)) {
        no_wait();
        owner_.in_use_ += units_;
        return false;
      }
      owner_.waiters_.push_back(*this);
      ++owner_.waiting_;
      return true;
    }
    permit await_resume() {
      check();
      return permit(owner_, units_);
    }

   private:
    friend class limiter;
    static void give_up(detail::wait_node* self) noexcept;
    static const char* name_of(const detail::wait_node* self) noexcept {
      return static_cast<const waiter*>(self)->owner_.name_;
    }
    static constexpr detail::wait_kind kind{"limiter", &give_up, &name_of};

    limiter& owner_;
    std::size_t units_;
  };

  /// Waits until `units` are free and takes them. A request above the capacity is served alone, when nothing is in use.
  /// Cancellation: leaves the queue at once.
  waiter acquire(std::size_t units = 1) noexcept { return waiter(*this, units); }

  /// Takes `units` if they are free and nobody waits; else returns an empty permit.
  permit try_acquire(std::size_t units = 1) noexcept;

  /// Changes the capacity. More wakes waiters at once; less takes nothing away from those who have theirs.
  void set_capacity(std::size_t capacity) noexcept;

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t in_use() const noexcept { return in_use_; }
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  friend class permit;
  friend class waiter;
  bool fits(std::size_t units) const noexcept {
    return in_use_ == 0 ? capacity_ > 0 : in_use_ < capacity_ && units <= capacity_ - in_use_;
  }
  void release(std::size_t units) noexcept;
  void serve() noexcept;

  std::size_t capacity_;
  const char* name_;
  std::size_t in_use_ = 0;
  std::size_t waiting_ = 0;
  detail::list<detail::wait_node, detail::in_queue> waiters_;
};

inline void permit::release() noexcept {
  if (auto* owner = std::exchange(owner_, nullptr)) owner->release(units_);
}

/// The usual name for a limiter that counts single units.
using semaphore = limiter;

} // namespace weir

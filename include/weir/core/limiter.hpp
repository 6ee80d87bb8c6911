#pragma once

#include <weir/core/error.hpp>
#include <weir/core/task.hpp>

#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir {

class condition;
class limiter;
class mutex;

/// A whole number: no floating-point number, no bool, no character.
template <class T>
concept whole_number =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// What a limiter holds at one moment.
struct limiter_statistics {
  std::size_t capacity = 0; ///< limiter::unlimited: no limit
  std::size_t in_use = 0;   ///< units; more than `capacity` after it was lowered
  std::size_t waiting = 0;  ///< tasks in the queue
  /// Those who hold a unit by acquire_on_behalf_of, in no order.
  std::vector<const void*> borrowers;
};

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
  friend class condition;
  friend class limiter;
  permit(limiter& owner, std::size_t units) noexcept : owner_(&owner), units_(units) {}

  limiter* owner_ = nullptr;
  std::size_t units_ = 0;
};

/// Lets at most `capacity` units be in use at once; the rest waits in order of arrival. Units are whatever the user
/// counts: jobs, connections, bytes.
/// Freed units go to the oldest waiter at once: nobody who comes later can take them in between, and a large request is
/// not starved by small ones. May be made where no loop runs. Thread-safety: the loop's thread only.
class limiter {
 public:
  /// The capacity of a limiter that never makes anybody wait, and counts all the same.
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  /// At most `capacity` units at once; 0: everybody waits until it is raised. `name`, for reports, outlives the
  /// limiter: a literal. Fails: errc::invalid_argument where `capacity` is negative.
  template <whole_number Number>
  explicit limiter(Number capacity, const char* name = nullptr) noexcept(std::is_unsigned_v<Number>)
      : capacity_(checked(capacity)), name_(name) {}
  limiter(const limiter&) = delete;
  limiter& operator=(const limiter&) = delete;

  class [[nodiscard]] waiter : detail::wait_node {
   public:
    waiter(limiter& owner, std::size_t units) noexcept : waiter(owner, units, kind) {}
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
    friend class mutex;
    waiter(limiter& owner, std::size_t units, const detail::wait_kind& noun) noexcept
        : wait_node(noun), owner_(owner), units_(units) {}
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

  /// Waits for a unit that belongs to `borrower`, whatever that is (an object, a request), and not to a permit: another
  /// task may give it back. A borrower holds at most one. The shared form keeps the borrower alive meanwhile.
  /// Fails: errc::invalid_argument where it holds one, or waits for one, already, or is null.
  /// Cancellation: leaves the queue at once.
  task<void> acquire_on_behalf_of(const void* borrower) { return acquire_for(borrower, nullptr); }
  task<void> acquire_on_behalf_of(std::shared_ptr<const void> borrower) {
    const void* who = borrower.get();
    return acquire_for(who, std::move(borrower));
  }
  /// Gives the unit of `borrower` back. Fails: errc::invalid_argument where it holds none.
  void release_on_behalf_of(const void* borrower);
  void release_on_behalf_of(const std::shared_ptr<const void>& borrower) { release_on_behalf_of(borrower.get()); }

  /// Changes the capacity. More wakes waiters at once; less takes nothing away from those who have theirs.
  /// Fails: errc::invalid_argument where `capacity` is negative.
  template <whole_number Number>
  void set_capacity(Number capacity) noexcept(std::is_unsigned_v<Number>) {
    change_capacity(checked(capacity));
  }

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t in_use() const noexcept { return in_use_; }
  std::size_t waiting() const noexcept { return waiting_; }
  std::string_view name() const noexcept { return name_ ? name_ : ""; }
  /// Cost: allocates where there are borrowers.
  limiter_statistics statistics() const;

 private:
  friend class permit;
  friend class waiter;
  bool fits(std::size_t units) const noexcept {
    return in_use_ == 0 ? capacity_ > 0 : in_use_ < capacity_ && units <= capacity_ - in_use_;
  }
  template <class Number>
  static std::size_t checked(Number capacity) noexcept(std::is_unsigned_v<Number>) {
    if constexpr (std::is_signed_v<Number>)
      if (capacity < 0) refuse_capacity(capacity);
    return static_cast<std::size_t>(capacity);
  }
  [[noreturn]] static void refuse_capacity(long long capacity);
  void change_capacity(std::size_t capacity) noexcept;
  task<void> acquire_for(const void* borrower, std::shared_ptr<const void> alive);
  void release(std::size_t units) noexcept;
  void serve() noexcept;

  struct loan {
    permit held; ///< empty while it waits
    std::shared_ptr<const void> alive;
  };
  using loans = std::unordered_map<const void*, loan>;

  std::size_t capacity_;
  const char* name_;
  std::size_t in_use_ = 0;
  std::size_t waiting_ = 0;
  detail::list<detail::wait_node, detail::in_queue> waiters_;
  std::unique_ptr<loans> loans_; ///< made at the first; dies first, as its permits refer to the rest
};

inline void permit::release() noexcept {
  if (auto* owner = std::exchange(owner_, nullptr)) owner->release(units_);
}

/// The usual name for a limiter that counts single units.
using semaphore = limiter;

} // namespace weir

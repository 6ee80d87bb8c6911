#include <weir/core/condition.hpp>
#include <weir/core/error.hpp>
#include <weir/core/shield.hpp>

namespace weir {

/// Waits for a notification. The list holds it until it is notified or cancelled.
class condition::waiter : public detail::wait_node {
 public:
  explicit waiter(condition& owner) noexcept : wait_node(noun), owner_(owner) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> handle_of_waiter,
                     std::source_location where = std::source_location::current()) noexcept {
    if (!begin(handle_of_waiter, where)) return false;
    owner_.waiters_.push_back(*this);
    ++owner_.waiting_;
    return true;
  }
  void await_resume() const noexcept {}

  bool alone = false; ///< it was notified by `notify_one`: nobody else knows

 private:
  static const char* name_of(const detail::wait_node* node) noexcept {
    return static_cast<const waiter*>(node)->owner_.name_;
  }
  static void give_up(detail::wait_node* node) noexcept {
    --static_cast<waiter*>(node)->owner_.waiting_;
    leave_queue(node);
  }
  static constexpr detail::wait_kind noun{"condition", &give_up, &name_of};

  condition& owner_;
};

void condition::refuse() {
  throw error(errc::invalid_argument, "a condition is waited for without its mutex: lock it first");
}

static task<permit> lock_again(limiter& lock, std::size_t units) { co_return co_await lock.acquire(units); }

task<void> condition::wait(permit& guard) {
  if (!guard) refuse();
  detail::promise_base& here = co_await detail::this_frame{};
  if (here.current->is_cancelled()) throw cancelled{};
  limiter& lock = *guard.owner_;
  const std::size_t units = guard.units_;
  waiter turn(*this);
  guard.release();
  co_await turn;
  guard = lock.try_acquire(units);
  if (!guard) guard = co_await shield(lock_again(lock, units));
  if (!here.current->is_cancelled()) co_return;
  if (turn.alone) notify_one();
  throw cancelled{};
}

void condition::notify_one() noexcept {
  if (waiters_.empty()) return;
  auto& oldest = static_cast<waiter&>(waiters_.pop_front());
  --waiting_;
  oldest.alone = true;
  oldest.finish();
}

void condition::notify_all() noexcept {
  for (; !waiters_.empty(); --waiting_) waiters_.pop_front().finish();
}

} // namespace weir

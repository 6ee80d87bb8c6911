#include <weir/core/task_group.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir {

namespace {
struct plain_child final : detail::group_child {
  plain_child(detail::scope& parent, task<void> w) : group_child(parent) { work = std::move(w); }
  ~plain_child() override { work = task<void>(); }
};
} // namespace

task_group::~task_group() {
  if (alive_ == 0) return;
  std::fputs("weir: a task_group died before its children\n", stderr);
  std::abort();
}

task_handle task_group::spawn(task<void> work) {
  return adopt(std::make_shared<plain_child>(inside_, std::move(work)));
}

task_handle task_group::adopt(std::shared_ptr<detail::group_child> child) {
  detail::group_child& raw = *child;
  raw.group = this;
  raw.finished = &child_ended;
  raw.self = std::move(child);
  task_handle handle(raw.self);
  ++alive_;
  detail::start(raw.work, raw.inside, raw);
  return handle;
}

std::coroutine_handle<> task_group::child_ended(detail::completion* self) noexcept {
  auto* child = static_cast<detail::group_child*>(self);
  task_group& group = *child->group;
  std::exception_ptr failure = child->work.handle().promise().failure();
  if (failure) {
    if (child->cancelled_by_handle) {
      // Only the cancellation that was asked for is forgiven; an error on the way out is not.
      try {
        std::rethrow_exception(failure);
      } catch (const cancelled&) {
        failure = nullptr;
      } catch (...) {}
    }
    if (failure) group.fail(failure);
  }
  child->self.reset(); // the child, with its frame, is gone
  if (--group.alive_ == 0 && group.waiter_) return group.waiter_;
  return std::noop_coroutine();
}

void task_group::fail(std::exception_ptr failure) noexcept {
  bool is_cancellation = false;
  try {
    std::rethrow_exception(failure);
  } catch (const cancelled&) {
    is_cancellation = true;
  } catch (...) {}
  // In a cancelled scope the children end with `cancelled`; that is how they end, not why.
  if (!is_cancellation && !first_failure_) first_failure_ = std::move(failure);
  inside_.cancel();
}

void task_handle::cancel() const noexcept {
  if (const auto child = child_.lock()) {
    child->cancelled_by_handle = true;
    child->inside.cancel();
  }
}

} // namespace weir

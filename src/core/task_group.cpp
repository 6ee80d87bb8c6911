#include "core/task_tree.hpp"

#include <weir/core/task_group.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir {

task_group::~task_group() {
  if (alive_ == 0) return;
  detail::die_with_tree(inside_.owner(), "a task_group died before its children");
}

task_handle task_group::adopt(std::shared_ptr<detail::group_child> child) {
  if (ended_) throw error(errc::invalid_argument, "the task group has ended: it takes no more children");
  detail::group_child& raw = *child;
  raw.group = this;
  raw.finished = &child_ended;
  raw.self = child;
  task_handle handle(std::move(child));
  ++alive_;
  raw.begin();
  return handle;
}

std::coroutine_handle<> task_group::child_ended(detail::completion* self) noexcept {
  auto* child = static_cast<detail::group_child*>(self);
  task_group& group = *child->group;
  const auto alive = std::move(child->self);
  child->failure = child->retire();
  child->group = nullptr;
  const bool was_cancelled = detail::is_cancellation(child->failure);
  child->status = !child->failure ? task_status::finished
                  : was_cancelled ? task_status::cancelled
                                  : task_status::failed;
  // Only the cancellation that was asked for is forgiven; an error on the way out is not.
  if (child->failure && !(was_cancelled && child->cancelled_by_handle)) group.fail(child->failure);
  child->inside.reset();
  while (!child->waiters.empty()) child->waiters.pop_front().finish();
  if (--group.alive_ == 0 && group.waiter_) return group.waiter_;
  return std::noop_coroutine();
}

void task_group::fail(std::exception_ptr failure) noexcept {
  failed_.add(std::move(failure));
  inside_.cancel();
}

void task_handle::cancel() const noexcept {
  if (!child_ || !child_->inside) return;
  child_->cancelled_by_handle = true;
  child_->inside->cancel();
}

} // namespace weir

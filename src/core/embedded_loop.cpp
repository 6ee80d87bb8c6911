#include <weir/core/embedded_loop.hpp>

namespace weir {

embedded_loop::embedded_loop() : descriptor_(host_descriptor()), root_(the_loop()) { prepare_for_host(); }

embedded_loop::~embedded_loop() = default;

task_group& embedded_loop::group() {
  if (!group_) group_.reset(new task_group(root_));
  return *group_;
}

task_handle embedded_loop::spawn(task<void> work, std::string name) {
  task_handle handle = group().spawn(std::move(work), std::move(name));
  prepare_for_host();
  return handle;
}

void embedded_loop::run_ready() {
  turn_for_host();
  if (!group_ || group_->size() > 0) return;
  // All have ended: the next ones start with a clean sheet, whatever became of these.
  detail::failures failed = std::move(group_->failed_);
  group_.reset();
  failed.rethrow();
}

void embedded_loop::cancel() noexcept {
  if (group_) group_->cancel();
  prepare_for_host();
}

} // namespace weir

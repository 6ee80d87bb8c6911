#pragma once

#include "offload/process/watch.hpp"

#include <weir/core/event.hpp>
#include <weir/core/unique_fd.hpp>

#include <memory>
#include <vector>

namespace weir::detail {

/// Processes that have been told to die and whose end nobody waits for: reaped when it comes, where they are this
/// process's children (a worker becomes one when its zygote is gone and this process is init, as in a container).
/// What has not died when this is destroyed is handed on: the next one looks for it too.
/// Thread-safety: the loop's thread only.
class graves {
 public:
  graves();
  ~graves();
  graves(const graves&) = delete;
  graves& operator=(const graves&) = delete;

  void add(unique_fd pidfd);
  bool empty() const noexcept { return waiting_.empty(); }
  /// Set whenever the last one has gone.
  event& emptied() noexcept { return emptied_; }

 private:
  struct grave;
  std::vector<std::unique_ptr<grave>> waiting_;
  event emptied_;
};

} // namespace weir::detail

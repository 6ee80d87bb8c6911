#pragma once

#include <weir/core/task.hpp>

namespace weir {

/// Runs `work` to its end even where the caller is cancelled meanwhile: for clean-up that has to wait.
/// Returns what `work` returns. Fails: as `work`. Cancellation: not seen by `work`; the caller sees it at its next
/// wait.
template <class T>
task<T> shield(task<T> work) {
  detail::scope inside(co_await detail::this_frame{}, "shield", true);
  co_return co_await detail::in_scope<T>{std::move(work), inside};
}

} // namespace weir

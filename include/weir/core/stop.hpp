#pragma once

#include <weir/core/detail/scope.hpp>

#include <stop_token>

namespace weir::detail {

/// The token that is set when `where` is cancelled. Cost: the first call for a scope allocates.
std::stop_token token_of(scope& where);

} // namespace weir::detail

namespace weir::this_task {

/// Returns the token that is set when the running task is cancelled: to hand to code that takes a std::stop_token.
/// It may be read on any thread. Callbacks registered on it run on the loop's thread.
/// Cost: the first call in a scope allocates.
std::stop_token stop_token();

/// Returns whether the running task has been asked to stop.
bool is_cancelled() noexcept;

/// Fails: throws `cancelled` where the running task has been asked to stop. For long stretches without a wait.
void throw_if_cancelled();

/// Returns when the running task's time is up: the earliest of the time limits around it, or
/// `clock::time_point::max()`. To hand to code that has a time limit of its own.
clock::time_point deadline() noexcept;

} // namespace weir::this_task

#pragma once

#include <weir/core/context.hpp>

#include <memory>

namespace weir::detail {

struct lane;

/// A function on a thread that waits for the loop (run_on_loop) lends its place under its limiter to what it waits for:
/// functions that are run from there under the same limiter run one at a time in that place, beside the limit. Without
/// it, a limit's worth of such functions would wait for each other for ever.
struct loan : context_frame {
  loan(const void* limit, std::shared_ptr<const context_frame> outside);

  const void* limit;
  std::shared_ptr<lane> place; ///< of one
};

/// The lane that was lent nearest for `limit`, or nullptr.
lane* lent_lane(const void* limit, const context_frame* context) noexcept;

} // namespace weir::detail

#pragma once

#include <weir/core/loop.hpp>

namespace weir::detail {

/// Looks at what is ready before each round of a loop: for tests that try other orders than the usual one.
struct round_hook {
  /// Takes the list `ready` and returns what runs in this round. The rest of it goes back through `loop::schedule`, so
  /// that nothing is lost. Functions that were posted keep their order.
  ready_node* (*arrange)(round_hook* self, ready_node* ready) noexcept = nullptr;
};

} // namespace weir::detail

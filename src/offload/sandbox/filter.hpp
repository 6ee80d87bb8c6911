#pragma once

#include <weir/offload/detail/sandbox_entry.hpp>

namespace weir::detail {

/// Puts the filter over the calling thread, with its process's number in place of the placeholder. One prctl call.
/// Returns 0 or an errno value.
int install_filter(const sandbox_filter& filter) noexcept;

} // namespace weir::detail

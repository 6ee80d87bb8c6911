#pragma once

#include <weir/offload/detail/sandbox_entry.hpp>

namespace weir::detail {

/// Makes the empty namespaces of `prepared` in a child that then ends. What is not granted stays empty.
void make_namespaces(prepared_sandbox& prepared);

/// Moves the calling process into them; into new ones of its own where there are none. Sets what it reached in
/// `applied`.
void enter_namespaces(const prepared_sandbox& prepared, sandbox_support& applied);

} // namespace weir::detail

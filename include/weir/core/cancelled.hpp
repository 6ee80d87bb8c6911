#pragma once

namespace weir {

/// The third outcome of a task, beside a value and an error: it was asked to stop and did.
/// Thrown by every wait of a cancelled scope, again and again until the scope is left (level-triggered), so that no
/// loop can outlive its cancellation. It is not derived from std::exception on purpose: a handler for errors does not
/// swallow it. A handler `catch (...)` must rethrow it.
struct cancelled {};

} // namespace weir

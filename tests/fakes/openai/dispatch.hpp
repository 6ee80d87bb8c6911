#pragma once

#include "world.hpp"

namespace fake {

/// Carries a request out, or plays the fault that stands in its place. Returns nothing when the connection is to be
/// closed without an answer. Throws connection_lost.
std::optional<answer> dispatch(call& c);

} // namespace fake

#pragma once

#include <weir/mcp/server.hpp>
#include <weir/studio/studio.hpp>

namespace weir::studio {

/// Offers the files of the media folder as resources.
void offer_resources(mcp::server& to, studio& in);

} // namespace weir::studio

#pragma once

#include <weir/mcp/server.hpp>
#include <weir/studio/studio.hpp>

namespace weir::studio {

/// Offers every tool that is configured, and the files of the media folder as resources ("weir://videos/NAME",
/// "weir://images/NAME"). `in` must outlive the server's last call.
void offer(mcp::server& to, studio& in);

/// Returns what a model should know about the server as a whole.
std::string instructions();

/// Returns the URI of a produced file.
std::string uri_of(const produced_file& file);

} // namespace weir::studio

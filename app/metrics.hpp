#pragma once

#include <weir/http/server.hpp>
#include <weir/studio/studio.hpp>

#include <string>

namespace weir::app {

/// Returns what the server counts, in the text format of Prometheus (0.0.4).
std::string metrics(studio::studio& in, const http::server& web);

} // namespace weir::app

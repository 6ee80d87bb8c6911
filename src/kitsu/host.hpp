#pragma once

#include <string>
#include <string_view>

namespace weir::kitsu {

/// Returns: `host` as calls are appended to it, without "/" at its end.
/// Fails: weir::error(invalid_argument), as client's constructor says, with what to write instead.
std::string checked_host(std::string_view host, bool allow_plain_http);

} // namespace weir::kitsu

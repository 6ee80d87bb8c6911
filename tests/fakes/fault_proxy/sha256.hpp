#pragma once

#include <string>
#include <string_view>

namespace weir::fakes::net {

/// Returns the SHA-256 (FIPS 180-4) of `bytes` as lower-case hex.
std::string sha256(std::string_view bytes);

} // namespace weir::fakes::net

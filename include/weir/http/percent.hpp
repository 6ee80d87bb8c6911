#pragma once

#include <string>
#include <string_view>

namespace weir::http {

/// Returns: `text` percent-encoded: every byte but the unreserved ones of RFC 3986 2.3 (letters, digits, "-._~") and
/// those in `keep` as %XX. Thread-safety: any thread. Cost: linear.
std::string percent_encoded(std::string_view text, std::string_view keep = {});

} // namespace weir::http

#pragma once

#include <map>
#include <string>

namespace weir::testing {

/// Returns the open descriptors of this process: number and what /proc says it refers to ("/tmp/x", "socket:[4711]").
std::map<int, std::string> open_descriptors();

/// Returns what a descriptor is in words: the file, or for a socket its addresses. `target` is what /proc says.
std::string descriptor_name(int fd, const std::string& target);

} // namespace weir::testing

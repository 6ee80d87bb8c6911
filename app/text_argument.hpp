#pragma once

#include <string>

namespace weir::app {

/// Returns what `given` stands for: "@file" is the file's content, "-" is standard input, "@@x" is "@x", anything else
/// itself. One line break at the end of a file is dropped. Fails: as reading; errc::too_large above 1 MiB.
std::string text_argument(const std::string& given);

} // namespace weir::app

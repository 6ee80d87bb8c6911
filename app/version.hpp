#pragma once

namespace weir::app {
/// The program's version, as CMake knows it.
inline constexpr const char* version = WEIR_VERSION;
} // namespace weir::app

#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

/// Ends the program with 1, and names the place, where `holds` is false.
inline void expect(bool holds, std::source_location at = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: what the page says does not hold\n", at.file_name(), static_cast<unsigned>(at.line()));
  std::_Exit(1);
}

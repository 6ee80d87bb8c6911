#pragma once

#include <weir/testing/random.hpp>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace stress {

/// Something that must hold for every seed. `run` throws where it does not.
struct property {
  const char* name;
  void (*run)(std::uint64_t seed);
};

/// Throws where `holds` is false; the harness tells property and seed.
inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

/// Runs the properties in turn, seed after seed, for WEIR_STRESS_SECONDS (else `seconds`), or WEIR_TEST_SEED alone.
/// Prints what was run. Returns the exit status of the program.
int run_all(const std::vector<property>& properties, double seconds);

} // namespace stress

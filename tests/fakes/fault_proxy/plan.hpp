#pragma once

#include "fakes/fault_proxy/rule.hpp"

#include <boost/json/value.hpp>

namespace weir::fakes {

/// Reads rules from JSON: an array of objects with the members of match ("method", "path_prefix", "path_regex", "nth",
/// "skip", "first", "probability", "seed"), "name", and "action", the name of a maker in faults with its parameters
/// beside it, or "actions", an array of objects of that kind whose effects are joined:
///   [{"path_prefix": "/api/data", "nth": 2, "action": "reset_after", "bytes": 1000},
///    {"actions": [{"action": "delay", "ms": 20}, {"action": "throttle_response", "bytes_per_second": 5000}]}]
/// Fails: std::runtime_error that names what it does not know or misses.
std::vector<rule> rules_from(const boost::json::value& plan);

} // namespace weir::fakes

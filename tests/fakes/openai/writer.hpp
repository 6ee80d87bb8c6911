#pragma once

#include "world.hpp"

namespace fake {

/// How an answer went onto the wire.
struct written {
  std::uint64_t body_bytes = 0;
  bool keep_alive = false;
  bool reset = false;
};

/// Writes the answer with the transport faults of the call. Throws connection_lost.
written write_answer(call& c, answer a, const std::string& request_id, long processing_ms);

} // namespace fake

#pragma once

#include "http/transfer.hpp"

#include <weir/http/client.hpp>

#include <functional>
#include <memory>

namespace weir::http::detail {

/// How the body of an answer is taken: collected, or handed to a sink.
struct exchange_mode {
  const body_sink* sink = nullptr; // nullptr: collect
  stream_options stream;
  /// Asked with the last head: whether the answer is not wanted because the request will be repeated.
  std::function<bool(const response_head&)> discard;
  int attempt = 1;
};

struct exchange_result {
  response_head head;
  std::string body;
  bool discarded = false;
};

/// Sends `request` once, follows its redirects, and takes the body. Waits for a place in the pool before each hop.
/// Fails, Cancellation: as client::send.
task<exchange_result> exchange(std::shared_ptr<multi> engine, const client_request& request,
                               const client_options& defaults, exchange_mode mode);

} // namespace weir::http::detail

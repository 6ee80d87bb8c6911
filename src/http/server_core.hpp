#pragma once

#include "http/request_parser.hpp"

#include <weir/core/detail/list.hpp>
#include <weir/core/event.hpp>
#include <weir/core/timer.hpp>
#include <weir/http/server.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace weir::http::detail {

class connection;
struct in_server;

/// What the connections of one server share. Loop's thread only.
struct server_core {
  static constexpr std::size_t read_buffer_bytes = 64 * 1024;

  server_options options;
  request_limits limits;
  router routes;
  std::string bound; ///< "127.0.0.1:8080"

  weir::detail::list<connection, in_server> connections;
  std::size_t open = 0;
  event one_gone; ///< set whenever a connection ends
  bool stopping = false;
  std::stop_source draining;

  /// The only read buffer: what a read brought is parsed before anything else runs.
  std::unique_ptr<std::array<char, read_buffer_bytes>> read_buffer;
  /// The head of an answer is put together here; valid up to the next wait.
  std::string head;

  /// One timer for the deadlines of all connections.
  std::optional<timer> sweep;
  std::chrono::milliseconds sweep_period{250};
};

} // namespace weir::http::detail

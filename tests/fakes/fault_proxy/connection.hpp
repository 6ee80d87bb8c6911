#pragma once

#include "fakes/fault_proxy/answering.hpp"

#include <functional>
#include <memory>
#include <thread>

namespace weir::fakes::net {

/// Where requests go; changes for connections that are made later.
struct upstream_address {
  std::string host;
  int port = 0;
};

/// One client of a fault_proxy. It has one connection to the upstream, made with its first forwarded request and closed
/// when either side closes, so that idle connections end for the client as they would without a proxy.
class connection {
 public:
  struct surroundings {
    ledger& book;
    lifeline& life;
    std::function<upstream_address()> upstream;
    std::function<void(milliseconds)> refuse_for;
  };
  connection(stream& client, int number, surroundings around)
      : client_(client), number_(number), around_(std::move(around)) {}
  ~connection();

  /// Serves requests until the connection is over.
  void run();

 private:
  bool wait_for_request();
  /// These return whether the connection goes on.
  bool serve(const head& request);
  bool answer(const head& request, body_shape shape, const ledger::ticket& t);
  bool forward(const head& request, body_shape shape, const ledger::ticket& t);
  bool relay_answer(const head& request, const ledger::ticket& t);
  bool after(answering::result r);

  /// Sends the body on, in a thread of its own: the answer may come before its end.
  void pump(body_shape shape, const ledger::ticket& t);
  void join_pump();
  std::optional<head> read_answer(const ledger::ticket& t);
  void wait_for_answer();
  void close_as_upstream_did();
  void reset_client();
  void drop_both();

  stream& client_;
  int number_;
  surroundings around_;
  std::unique_ptr<stream> upstream_;
  std::thread pump_;
  std::atomic<bool> pumping_{false};
};

} // namespace weir::fakes::net

#pragma once

#include "fakes/fault_proxy/stream.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <thread>

namespace weir::fakes::net {

/// Listens on a free loopback port and gives each connection a thread of its own. The port stays the same, and nobody
/// else's, also while it refuses.
/// Thread-safety: all calls from any thread; the destructor from none of the handler's.
class acceptor {
 public:
  using handler_type = std::function<void(stream& client, int number)>;
  /// `number` counts from 1. Fails: std::runtime_error when there is no port to have.
  explicit acceptor(handler_type handler);
  /// Ends all connections and waits for their threads.
  ~acceptor();

  int port() const { return port_; }
  int connections() const { return connections_; }
  void forget_connections() { connections_ = 0; }
  lifeline& life() { return life_; }
  /// Closes the listening socket and cuts all connections, as a server that goes away does; listens again after this
  /// time. Returns when nobody listens any more. A call while it refuses already changes nothing.
  void refuse_for(milliseconds time);
  bool refusing() const;

 private:
  struct one {
    std::thread thread;
    std::atomic<bool> done{false};
  };
  void accept_loop();
  void take(int fd);
  void reap(bool all);

  handler_type handler_;
  lifeline life_;
  int port_ = 0, keeper_ = -1, listener_ = -1, wake_ = -1;
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::condition_variable gone_;
  milliseconds refusal_{0};
  bool refusing_ = false;
  std::list<one> threads_;
  std::thread thread_;
};

} // namespace weir::fakes::net

#pragma once

#include "net.hpp"
#include "world.hpp"

#include <condition_variable>
#include <mutex>
#include <set>

namespace fake {

/// Accepts connections and serves each on a thread of its own, at most options::max_connections at once.
class server {
 public:
  explicit server(const options& o) : world_(o), listener_(o.port) {}
  std::uint16_t port() const { return listener_.port(); }
  /// Serves until `stop`, then waits for every connection to end.
  void run();
  /// May be called from another thread.
  void stop();

 private:
  void serve(int fd, std::uint64_t number);
  void talk(connection& c);
  bool handle(connection& c, const request& r);

  world world_;
  listener listener_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<const connection*> live_;
  unsigned threads_ = 0;
};

} // namespace fake

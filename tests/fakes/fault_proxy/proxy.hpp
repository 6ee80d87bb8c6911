#pragma once

#include "fakes/fault_proxy/ledger.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::fakes {

/// Stands between a client and a real HTTP/1.1 server on plain TCP, forwards faithfully, and does wrong where a rule
/// says so. Bodies stream both ways with 64 KiB of memory each; an answer may come before the end of its request. Each
/// client connection has one to the upstream, and idle ones end when the upstream ends them. It parses by itself and
/// shares no HTTP code with what it tests.
///   fault_proxy proxy(upstream_port, {{.when = {.method = "GET", .path_prefix = "/api/data", .first = 2},
///                                      .then = faults::gateway_error(503)}});
/// Thread-safety: all calls from any thread at any time; a change of rules is about requests whose head comes later.
/// Cost: one thread per connection, and one more while a request body is sent on.
class fault_proxy {
 public:
  /// Listens on a free port of 127.0.0.1. The upstream need not be there yet: without it connections are reset.
  /// Fails: std::runtime_error without a port; std::regex_error for a rule's pattern.
  explicit fault_proxy(int upstream_port, std::vector<rule> rules = {});
  fault_proxy(std::string upstream_host, int upstream_port, std::vector<rule> rules = {});
  /// Cuts all connections and waits for their threads.
  ~fault_proxy();
  fault_proxy(const fault_proxy&) = delete;
  fault_proxy& operator=(const fault_proxy&) = delete;

  int port() const;
  /// Returns "http://127.0.0.1:PORT" and the path after it.
  std::string url(std::string_view path = "") const;

  /// Replaces all rules; their counters begin anew. Fails: std::regex_error.
  void set_rules(std::vector<rule> rules);
  /// For connections that are made later.
  void set_upstream(std::string host, int port);
  /// Forgets rules, journal and the number of connections. Open connections stay.
  void reset();
  /// The server is gone: connections end, new ones are refused, until this time is over. Returns when it is gone.
  void refuse_for(milliseconds time);

  /// Returns the requests in the order in which their heads came.
  std::vector<journal_entry> journal() const;
  /// Returns how many requests had a target in which this pattern is found. Fails: std::regex_error.
  std::size_t count(std::string_view path_regex, std::string_view method = "") const;
  /// Returns the most such requests between their head and the last byte of their answer at one moment.
  std::size_t max_in_flight(std::string_view path_regex = "") const;
  /// Returns how many connections clients have made.
  int connections() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace weir::fakes

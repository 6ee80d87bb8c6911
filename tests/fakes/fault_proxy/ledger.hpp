#pragma once

#include "fakes/fault_proxy/rule.hpp"

#include <deque>
#include <functional>
#include <mutex>
#include <regex>

namespace weir::fakes {

/// One request as a server or proxy saw it.
struct journal_entry {
  /// Counts from 1, as connections do.
  std::uint64_t number = 0;
  int connection = 0;
  std::string method, target;
  /// What the client was given; 0: no answer, or none yet.
  int status = 0;
  /// What the upstream answered; 0: nothing.
  int upstream_status = 0;
  /// Of the bodies, as on the wire: what was taken from the client, what was given to it.
  std::uint64_t request_bytes = 0, response_bytes = 0;
  /// Whether the request's head went to the upstream.
  bool forwarded = false;
  /// Lower-case hex SHA-256 of the Authorization header's value; empty without one.
  std::string authorization_sha256;
  /// The rule that took it, or empty.
  std::string rule;
  bool finished = false;
  /// Since the proxy was made.
  milliseconds began{0}, ended{0};
};

/// The rules with their counters, and the journal. An entry is complete before the last byte of its answer is sent, so
/// that a client that has its answer finds it.
/// Thread-safety: all calls from any thread. Cost: the journal grows until reset().
class ledger {
 public:
  struct ticket {
    std::uint64_t id = 0;
    action act;
  };
  /// Fails: std::regex_error.
  void set_rules(std::vector<rule> rules);
  void reset();

  ticket begin(journal_entry entry);
  /// Changes an entry; nothing happens to one that reset() forgot.
  void change(std::uint64_t id, const std::function<void(journal_entry&)>& how);
  /// Ends it, once.
  void finish(std::uint64_t id);

  std::vector<journal_entry> journal() const;
  std::size_t count(std::string_view path_regex, std::string_view method) const;
  std::size_t max_in_flight(std::string_view path_regex) const;

 private:
  struct kept_rule {
    rule what;
    std::regex path;
    std::uint64_t matches = 0;
    bool takes(const std::string& method, const std::string& target);
  };
  struct kept_entry {
    journal_entry entry;
    /// The order of beginnings and ends.
    std::uint64_t begin = 0, end = 0;
  };

  mutable std::mutex mutex_;
  std::vector<kept_rule> rules_;
  std::deque<kept_entry> entries_;
  std::uint64_t forgotten_ = 0, moment_ = 0;
  std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
};

} // namespace weir::fakes

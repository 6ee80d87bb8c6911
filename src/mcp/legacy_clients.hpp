#pragma once

#include <mcp/engine.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace weir::mcp::detail {

/// What is remembered of legacy clients over HTTP beyond a request: only of those that subscribe, set a log level or
/// open a stream. By session id, and never more than a thousand: the oldest that has no stream is forgotten.
class legacy_clients {
 public:
  struct entry {
    detail::peer peer;
    std::function<void(std::string)> deliver; ///< set while a stream is open
    std::uint64_t age = 0;
  };

  explicit legacy_clients(engine& of) : engine_(of) {}
  ~legacy_clients();
  legacy_clients(const legacy_clients&) = delete;
  legacy_clients& operator=(const legacy_clients&) = delete;

  /// Returns the entry of a valid session id, or nullptr.
  std::shared_ptr<entry> find(const std::string& session) const;
  std::shared_ptr<entry> find_or_make(const std::string& session, version v);

 private:
  void forget_one();

  engine& engine_;
  std::uint64_t next_age_ = 0;
  std::map<std::string, std::shared_ptr<entry>> entries_;
};

} // namespace weir::mcp::detail

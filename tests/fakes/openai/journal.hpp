#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace fake {

/// What arrived and what was sold, for tests to read. Thread-safe.
class journal {
 public:
  /// Returns the number of the entry, counted from 1.
  std::uint64_t open(boost::json::object entry);
  /// Adds the members of `more` to the entry.
  void amend(std::uint64_t number, const boost::json::object& more);
  boost::json::object entries() const;

  /// Counts one purchase: video, remix, image, image_edit or response.
  void bought(const std::string& kind, const std::string& id);
  /// Counts an answer that was repeated from an Idempotency-Key instead of bought again.
  void replayed();
  boost::json::object purchases() const;

  void clear();

 private:
  static constexpr std::size_t max_entries = 200000;
  mutable std::mutex mutex_;
  std::deque<boost::json::object> entries_;
  std::uint64_t before_ = 0, dropped_ = 0, replayed_ = 0, total_ = 0;
  std::map<std::string, std::uint64_t> counts_;
  boost::json::array ids_;
};

} // namespace fake

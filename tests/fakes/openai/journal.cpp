#include "journal.hpp"

namespace fake {

namespace json = boost::json;

std::uint64_t journal::open(json::object entry) {
  const std::lock_guard lock(mutex_);
  const auto number = before_ + entries_.size() + 1;
  json::object numbered{{"n", number}};
  for (auto& [key, value] : entry) numbered[key] = std::move(value);
  entries_.push_back(std::move(numbered));
  if (entries_.size() > max_entries) {
    entries_.pop_front();
    ++before_;
    ++dropped_;
  }
  return number;
}

void journal::amend(std::uint64_t number, const json::object& more) {
  const std::lock_guard lock(mutex_);
  // An entry may be gone: dropped because of its age, or cleared while its request was still going on.
  if (number <= before_ || number > before_ + entries_.size()) return;
  auto& entry = entries_[number - before_ - 1];
  for (const auto& [key, value] : more) entry[key] = value;
}

json::object journal::entries() const {
  const std::lock_guard lock(mutex_);
  json::array list;
  for (const auto& e : entries_) list.push_back(e);
  return {{"requests", std::move(list)}, {"dropped", dropped_}};
}

void journal::bought(const std::string& kind, const std::string& id) {
  const std::lock_guard lock(mutex_);
  ++counts_[kind];
  ++total_;
  ids_.push_back({{"kind", kind}, {"id", id}});
}

void journal::replayed() {
  const std::lock_guard lock(mutex_);
  ++replayed_;
}

json::object journal::purchases() const {
  const std::lock_guard lock(mutex_);
  json::object out{{"total", total_}, {"video", 0}, {"remix", 0}, {"image", 0}, {"image_edit", 0}, {"response", 0}};
  for (const auto& [kind, n] : counts_) out[kind] = n;
  out["replayed"] = replayed_;
  out["purchases"] = ids_;
  return out;
}

void journal::clear() {
  const std::lock_guard lock(mutex_);
  before_ += entries_.size(); // numbers are never given twice
  entries_.clear();
  counts_.clear();
  ids_.clear();
  dropped_ = replayed_ = total_ = 0;
}

} // namespace fake

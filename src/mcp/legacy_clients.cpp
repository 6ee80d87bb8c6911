#include <mcp/legacy_clients.hpp>

namespace weir::mcp::detail {

namespace {

constexpr std::size_t max_entries = 1000;

} // namespace

legacy_clients::~legacy_clients() {
  for (auto& [session, one] : entries_) engine_.peers.erase(&one->peer);
}

std::shared_ptr<legacy_clients::entry> legacy_clients::find(const std::string& session) const {
  auto found = entries_.find(session);
  return found == entries_.end() ? nullptr : found->second;
}

std::shared_ptr<legacy_clients::entry> legacy_clients::find_or_make(const std::string& session, version v) {
  if (auto known = find(session)) return known;
  if (entries_.size() >= max_entries) forget_one();
  auto made = std::make_shared<entry>();
  made->age = next_age_++;
  made->peer.negotiated = v;
  made->peer.push = [one = made.get()](std::string text) {
    if (one->deliver) one->deliver(std::move(text));
  };
  engine_.peers.insert(&made->peer);
  entries_.emplace(session, made);
  return made;
}

void legacy_clients::forget_one() {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it)
    if (!it->second->deliver && (oldest == entries_.end() || it->second->age < oldest->second->age)) oldest = it;
  if (oldest == entries_.end()) return; // every one has a stream, and the server limits those
  engine_.peers.erase(&oldest->second->peer);
  entries_.erase(oldest);
}

} // namespace weir::mcp::detail

#include "fakes/fault_proxy/ledger.hpp"

#include <algorithm>

namespace weir::fakes {

namespace {

/// splitmix64: a well mixed number in [0, 1) from a seed and a counter.
double draw(std::uint64_t seed, std::uint64_t n) {
  std::uint64_t x = seed + n * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

std::regex compiled(std::string_view text) { return std::regex(text.begin(), text.end(), std::regex::ECMAScript); }

} // namespace

void ledger::set_rules(std::vector<rule> rules) {
  std::vector<kept_rule> kept;
  for (rule& r : rules) {
    if (r.name.empty()) r.name = "rule " + std::to_string(kept.size() + 1);
    std::regex path = compiled(r.when.path_regex);
    kept.push_back({std::move(r), std::move(path)});
  }
  const std::lock_guard lock(mutex_);
  rules_ = std::move(kept);
}

void ledger::reset() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  forgotten_ += entries_.size();
  entries_.clear();
}

bool ledger::kept_rule::takes(const std::string& method, const std::string& target) {
  const match& m = what.when;
  if (!m.method.empty() && m.method != method) return false;
  if (!target.starts_with(m.path_prefix)) return false;
  if (!m.path_regex.empty() && !std::regex_search(target, path)) return false;
  const std::uint64_t n = ++matches;
  if (n <= m.skip || (m.first > 0 && n > m.skip + m.first)) return false;
  return m.probability >= 1 || draw(m.seed, n) < m.probability;
}

ledger::ticket ledger::begin(journal_entry entry) {
  const std::lock_guard lock(mutex_);
  ticket t;
  for (kept_rule& r : rules_) {
    if (!r.takes(entry.method, entry.target)) continue;
    t.act = r.what.then;
    entry.rule = r.what.name;
    break;
  }
  t.id = forgotten_ + entries_.size();
  entry.number = entries_.size() + 1;
  entry.began = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - made_);
  entries_.push_back({std::move(entry), ++moment_, 0});
  return t;
}

void ledger::change(std::uint64_t id, const std::function<void(journal_entry&)>& how) {
  const std::lock_guard lock(mutex_);
  if (id >= forgotten_) how(entries_[id - forgotten_].entry);
}

void ledger::finish(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (id < forgotten_) return;
  kept_entry& e = entries_[id - forgotten_];
  if (e.entry.finished) return;
  e.entry.finished = true;
  e.entry.ended = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - made_);
  e.end = ++moment_;
}

std::vector<journal_entry> ledger::journal() const {
  const std::lock_guard lock(mutex_);
  std::vector<journal_entry> all;
  for (const kept_entry& e : entries_) all.push_back(e.entry);
  return all;
}

std::size_t ledger::count(std::string_view path_regex, std::string_view method) const {
  const std::regex path = compiled(path_regex);
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const kept_entry& e) {
    return (method.empty() || e.entry.method == method) && std::regex_search(e.entry.target, path);
  }));
}

std::size_t ledger::max_in_flight(std::string_view path_regex) const {
  const std::regex path = compiled(path_regex);
  std::vector<std::pair<std::uint64_t, int>> moments;
  {
    const std::lock_guard lock(mutex_);
    for (const kept_entry& e : entries_) {
      if (!std::regex_search(e.entry.target, path)) continue;
      moments.emplace_back(e.begin, 1);
      if (e.entry.finished) moments.emplace_back(e.end, -1);
    }
  }
  std::sort(moments.begin(), moments.end());
  std::int64_t now = 0, most = 0;
  for (const auto& [moment, change] : moments) most = std::max(most, now += change);
  return static_cast<std::size_t>(most);
}

} // namespace weir::fakes

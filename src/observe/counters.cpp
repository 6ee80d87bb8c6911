#include <weir/core/error.hpp>
#include <weir/observe/counters.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

namespace weir::observe {

/// The watched limiters of one loop. Shared with the watches, which may outlive the loop.
struct watch_limiter::registry {
  std::map<const watch_limiter*, std::pair<std::string, const limiter*>> watched;

  std::vector<limiter_counters> read() const {
    std::vector<limiter_counters> all;
    for (const auto& [watch, entry] : watched)
      all.push_back({entry.first, entry.second->capacity(), entry.second->in_use(), entry.second->waiting()});
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return all;
  }
};

namespace {

std::string line(const limiter_counters& of) {
  const std::string capacity = of.capacity == limiter::unlimited ? "unlimited" : std::to_string(of.capacity);
  return "limiter '" + of.name + "': " + std::to_string(of.in_use) + " of " + capacity + " in use, " +
         std::to_string(of.waiting) + " waiting\n";
}

using shared_registry = std::shared_ptr<watch_limiter::registry>;

shared_registry& registry_of(loop& owner) {
  return owner.local<shared_registry>([&owner] {
    auto made = std::make_shared<watch_limiter::registry>();
    owner.add_report([made](std::string& text) {
      for (const limiter_counters& one : made->read()) text += line(one);
    });
    return std::make_shared<shared_registry>(std::move(made));
  });
}

/// Writes HELP, TYPE and one value.
void add(std::string& out, const std::string& name, const char* help, double value) {
  const bool grows = name.size() > 6 && name.compare(name.size() - 6, 6, "_total") == 0;
  char number[32];
  std::snprintf(number, sizeof number, "%.17g", value);
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + (grows ? " counter\n" : " gauge\n") + name + " " +
         number + "\n";
}
template <class Number>
void add(std::string& out, const std::string& name, const char* help, Number value) {
  add(out, name, help, static_cast<double>(value));
}

/// A label value: backslash, quote and line feed are escaped (exposition format 0.0.4).
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

void add_limiters(std::string& out, const std::vector<limiter_counters>& all, const char* name, const char* help,
                  std::size_t limiter_counters::* value) {
  if (all.empty()) return;
  out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " gauge\n";
  for (const limiter_counters& one : all)
    out += std::string(name) + "{name=\"" + escaped(one.name) + "\"} " +
           (one.*value == limiter::unlimited ? "+Inf" : std::to_string(one.*value)) + "\n";
}

} // namespace

watch_limiter::watch_limiter(const limiter& watched, std::string name) : registry_(registry_of(loop::current())) {
  if (name.empty()) name = watched.name();
  if (name.empty()) throw error(errc::invalid_argument, "a limiter without a name cannot be watched: give it one");
  registry_->watched.emplace(this, std::pair(std::move(name), &watched));
}

watch_limiter::~watch_limiter() { registry_->watched.erase(this); }

counters snapshot(loop& owner) { return {owner.counters(), threadpool_counters(), registry_of(owner)->read()}; }

std::string to_string(const counters& now) {
  std::string text = "loop: " + std::to_string(now.loop.turns) + " turns, " + std::to_string(now.loop.resumed) +
                     " resumed, " + std::to_string(now.loop.timers_armed) + " timers armed, " +
                     std::to_string(now.loop.timers_fired) + " fired, " + std::to_string(now.loop.watches) +
                     " descriptors, " + std::to_string(now.loop.outside) + " calls outside, " +
                     std::to_string(now.loop.frames) + " frames\n";
  text += "threads: " + std::to_string(now.threads.threads) + ", " + std::to_string(now.threads.idle) + " idle, " +
          std::to_string(now.threads.queued) + " functions queued, " + std::to_string(now.threads.running) +
          " running, " + std::to_string(now.threads.executed) + " executed, " + std::to_string(now.threads.wakes) +
          " wakes\n";
  for (const limiter_counters& one : now.limiters) text += line(one);
  return text;
}

std::string prometheus(const counters& now) {
  std::string out;
  add(out, "weir_loop_turns_total", "looks at the operating system", now.loop.turns);
  add(out, "weir_loop_resumed_total", "tasks and posted functions that were run", now.loop.resumed);
  add(out, "weir_loop_timers_armed", "timers that are armed", now.loop.timers_armed);
  add(out, "weir_loop_timers_fired_total", "timers that fired", now.loop.timers_fired);
  add(out, "weir_loop_descriptors", "descriptors that are watched", now.loop.watches);
  add(out, "weir_loop_calls_outside", "calls that run on other threads and come back", now.loop.outside);
  add(out, "weir_loop_frames", "coroutine frames", now.loop.frames);
  add(out, "weir_pool_threads", "threads of the pool", now.threads.threads);
  add(out, "weir_pool_idle", "threads of the pool without work", now.threads.idle);
  add(out, "weir_pool_queued", "functions that wait for a thread", now.threads.queued);
  add(out, "weir_pool_running", "functions that run on a thread", now.threads.running);
  add(out, "weir_pool_executed_total", "functions that were run on a thread", now.threads.executed);
  add(out, "weir_pool_wakes_total", "wake-ups of sleeping threads", now.threads.wakes);
  add_limiters(out, now.limiters, "weir_limiter_capacity", "units that may be in use", &limiter_counters::capacity);
  add_limiters(out, now.limiters, "weir_limiter_in_use", "units in use", &limiter_counters::in_use);
  add_limiters(out, now.limiters, "weir_limiter_waiting", "tasks that wait for units", &limiter_counters::waiting);
  return out;
}

} // namespace weir::observe

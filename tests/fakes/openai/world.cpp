#include "world.hpp"

#include "random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace fake {

world::world(const options& o) : opts(o), faults(o.seed), contents(o.real_media) {
  for (const auto& spec : o.faults) faults.add(spec);
}

std::string world::new_id(std::string_view prefix, std::size_t digits) {
  return std::string(prefix) + hex_id(mix(opts.seed) + (++ids_ << 8), digits);
}

unsigned world::take_request() {
  if (opts.max_requests_per_minute == 0) return 9999;
  const std::lock_guard lock(mutex);
  if (steady::now() - window_ >= std::chrono::minutes(1)) {
    window_ = steady::now();
    used_ = 0;
  }
  if (used_ >= opts.max_requests_per_minute)
    throw api_error{
        429,
        fmt::format("Rate limit reached for requests per min (RPM): Limit {0}, Used {0}, Requested 1.", used_),
        "requests",
        {},
        "rate_limit_exceeded"};
  return opts.max_requests_per_minute - ++used_;
}

void world::reset() {
  const std::lock_guard lock(mutex);
  videos.clear();
  responses.clear();
  files.clear();
  // An answer that is still being made has a request waiting on it.
  std::erase_if(kept, [](const auto& entry) { return entry.second->ready; });
  used_ = 0;
  log.clear();
  faults.clear();
}

void call::buy(const std::string& kind, const std::string& id) {
  w.log.bought(kind, id);
  note["bought"] = id;
}

void call::wait(millis time) const {
  const auto end = steady::now() + time;
  if (!keyed) return c.wait(time);
  while (steady::now() < end && !w.stopping) std::this_thread::sleep_for(millis(10));
}

void check_prompt(const std::string& prompt) {
  if (prompt.find("[moderation]") != prompt.npos)
    throw api_error{400,
                    "Your request was rejected by the safety system.",
                    "image_generation_user_error",
                    {},
                    "moderation_blocked"};
}

void check_model(const world& w, const std::string& model) {
  const auto& known = w.opts.models;
  if (model.empty() || (!known.empty() && std::ranges::find(known, model) == known.end()))
    throw api_error{404,
                    fmt::format("The model `{}` does not exist or you do not have access to it.", model),
                    "invalid_request_error",
                    {},
                    "model_not_found"};
}

outcome outcome_of(const std::string& prompt) {
  const auto says = [&](const char* mark) { return prompt.find(mark) != prompt.npos; };
  if (says("[fail]")) return outcome::fails;
  if (says("[slow]")) return outcome::never_ends;
  if (says("[refuse]")) return outcome::refused;
  if (says("[incomplete]")) return outcome::incomplete;
  return outcome::good;
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> out;
  for (bool first = true; !path.empty(); first = false) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    if (!first) out.push_back(percent_decode(path.substr(0, end), false));
    path.remove_prefix(end);
  }
  return out;
}

} // namespace fake

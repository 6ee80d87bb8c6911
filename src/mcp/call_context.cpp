#include <weir/core/error.hpp>
#include <weir/mcp/call_context.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::mcp {

namespace {

constexpr double burst = 5;
constexpr double per_second = 10;

/// The members of `needed` that `have` lacks, two levels deep ({"elicitation": {"url": {}}}).
json::object missing_from(const json::object& have, const json::object& needed) {
  json::object missing;
  for (const auto& [name, details] : needed) {
    const json::value* found = json::find(have, name);
    if (!found || !found->is_object()) {
      missing.emplace(name, details);
      continue;
    }
    if (!details.is_object()) continue;
    json::object inner;
    for (const auto& [key, setting] : details.get_object())
      if (!found->get_object().contains(key)) inner.emplace(key, setting);
    if (!inner.empty()) missing.emplace(name, std::move(inner));
  }
  return missing;
}

} // namespace

call_context::call_context(origin from)
    : from_(std::move(from)), tokens_(burst), refilled_(std::chrono::steady_clock::now()) {}

call_context::~call_context() = default;

const client_facts& call_context::client() const noexcept {
  static const client_facts nobody;
  return from_.client ? *from_.client : nobody;
}

void call_context::refill() noexcept {
  auto now = std::chrono::steady_clock::now();
  tokens_ = std::min(burst, tokens_ + per_second * std::chrono::duration<double>(now - refilled_).count());
  refilled_ = now;
}

void call_context::send(progress_update update) {
  tokens_ -= 1;
  from_.on_progress(update);
}

void call_context::report_progress(double progress, std::optional<double> total, std::string_view message) {
  if (!from_.on_progress || finished_ || !std::isfinite(progress)) return;
  if (last_ && progress <= *last_) return;
  if (total && !std::isfinite(*total)) total.reset();
  last_ = progress;
  progress_update update{progress, total, std::string(message)};
  refill();
  if (tokens_ >= 1 && !held_) return send(std::move(update));

  held_ = std::move(update);
  if (!timer_)
    timer_.emplace([this] {
      if (finished_ || !held_) return;
      refill();
      send(*std::exchange(held_, std::nullopt));
    });
  if (!timer_->armed()) {
    std::chrono::duration<double> wait(std::max(0.0, (1 - tokens_) / per_second));
    timer_->arm(refilled_ + std::chrono::ceil<std::chrono::milliseconds>(wait));
  }
}

void call_context::log(log_level level, const json::value& data, std::string_view logger) {
  if (finished_ || !from_.on_log || level < from_.least_level) return;
  from_.on_log(level, logger, data);
}

void call_context::require_client_capability(const json::object& needed) const {
  json::object missing = missing_from(client().capabilities, needed);
  if (missing.empty()) return;
  std::string text = "the client does not declare a capability that this call needs: " + json::serialize(missing);
  if (!is_modern(from_.protocol)) throw error(errc::unsupported, text);
  throw rpc_error(error_code::missing_client_capability, text,
                  json::value(json::object{{"requiredCapabilities", std::move(missing)}}), 400);
}

void call_context::finish() {
  if (finished_) return;
  if (held_) send(*std::exchange(held_, std::nullopt));
  finished_ = true;
  timer_.reset();
}

} // namespace weir::mcp

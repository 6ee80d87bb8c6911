#include <weir/core/cancelled.hpp>
#include <weir/core/detail/scope.hpp>
#include <weir/core/stop.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir {

namespace detail {

scope::scope(scope& parent, bool shielded) noexcept : loop_(parent.loop_), shielded_(shielded) {
  parent.children_.push_back(*this);
  cancelled_ = !shielded && parent.cancelled_;
}

scope::~scope() {
#ifndef NDEBUG
  if (!children_.empty() || !waits_.empty()) {
    std::fputs("weir: a scope died before what runs in it\n", stderr);
    std::abort();
  }
#endif
}

void scope::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  while (!waits_.empty()) {
    wait_node& wait = waits_.pop_front();
    wait.on_cancel(&wait);
  }
  children_.for_each([](scope& child) {
    if (!child.shielded_) child.cancel();
  });
  if (source_) source_->request_stop();
}

std::stop_token scope::token() {
  if (!source_) {
    source_.emplace();
    if (cancelled_) source_->request_stop();
  }
  return source_->get_token();
}

void wait_node::check() const {
  if (was_cancelled) throw cancelled{};
}

} // namespace detail

namespace this_task {

std::stop_token stop_token() { return detail::current_scope ? detail::current_scope->token() : std::stop_token(); }

bool is_cancelled() noexcept { return detail::current_scope && detail::current_scope->is_cancelled(); }

void throw_if_cancelled() {
  if (is_cancelled()) throw cancelled{};
}

} // namespace this_task
} // namespace weir

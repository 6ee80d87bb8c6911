#include "core/loop_impl.hpp"
#include "core/task_tree.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/stop.hpp>

namespace weir {

namespace detail {

void frame_cache::clear() noexcept {
  for (unused*& list : free)
    while (list) {
      unused* entry = list;
      list = entry->next;
      ::operator delete(entry);
    }
  held_bytes = 0;
}

struct scope::stop_state {
  std::stop_source source;
};

scope::scope(loop& owner) noexcept : loop_(owner), since_(owner.turn_time()) { owner.impl_->roots.push_back(*this); }

} // namespace detail

detail::scope* loop::root() noexcept { return impl_->roots.empty() ? nullptr : &impl_->roots.front(); }

namespace detail {

scope::scope(scope& parent, promise_base* opener, const char* kind, bool shielded) noexcept
    : context(parent.context), deadline(shielded ? clock::time_point::max() : parent.deadline), loop_(parent.loop_),
      opener_(opener), kind_(kind), since_(parent.loop_.turn_time()), shielded_(shielded),
      cancelled_(!shielded && parent.cancelled_) {
  parent.children_.push_back(*this);
}

scope::~scope() {
  delete stopping_;
#ifndef NDEBUG
  if (!children_.empty() || !waits_.empty()) die_with_tree(loop_, "a scope died before what runs in it");
#endif
}

void scope::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  // The end of one wait may end another of the same scope. One that goes on (for a function on a thread) stays listed.
  list<wait_node, in_scope_waits> asked;
  asked.take_all(waits_);
  while (!asked.empty()) {
    wait_node& wait = asked.pop_front();
    waits_.push_back(wait);
    wait.kind->cancel(&wait);
  }
  children_.for_each([](scope& child) {
    if (!child.shielded_) child.cancel();
  });
  if (stopping_) stopping_->source.request_stop();
}

scope::stop_state& scope::stopping() {
  if (!stopping_) {
    stopping_ = new stop_state;
    if (cancelled_) stopping_->source.request_stop();
  }
  return *stopping_;
}

std::stop_token token_of(scope& where) { return where.stopping().source.get_token(); }

void wait_node::throw_cancelled() { throw cancelled{}; }

} // namespace detail

namespace this_task {

std::stop_token stop_token() {
  return detail::current_scope ? detail::token_of(*detail::current_scope) : std::stop_token();
}

bool is_cancelled() noexcept { return detail::current_scope && detail::current_scope->is_cancelled(); }

clock::time_point deadline() noexcept {
  return detail::current_scope ? detail::current_scope->deadline : clock::time_point::max();
}

void throw_if_cancelled() {
  if (is_cancelled()) throw cancelled{};
}

} // namespace this_task
} // namespace weir

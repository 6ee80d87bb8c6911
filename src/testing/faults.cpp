#include <weir/testing/faults.hpp>

#include <cstdio>
#include <exception>
#include <utility>

namespace weir::testing {

fault_injection::fault_injection(std::uint64_t seed, fault_options options)
    : loop_(loop::current()), seed_(seed), options_(options), dice_(seed), own_(~seed),
      exceptions_before_(std::uncaught_exceptions()) {
  arrange = [](round_hook* self, detail::ready_node* ready) noexcept {
    return static_cast<fault_injection*>(self)->rearrange(ready);
  };
  outer_ = loop_.use_round_hook(this);
}

fault_injection::~fault_injection() {
  loop_.use_round_hook(outer_);
  if (std::uncaught_exceptions() > exceptions_before_)
    std::fprintf(stderr, "weir: fault injection: the seed was %llu\n", static_cast<unsigned long long>(seed_));
}

void fault_injection::may_cancel(task_handle child) { children_.push_back(std::move(child)); }

fault_injection::target fault_injection::may_cancel(task_group& group) {
  return may_cancel([&group] { group.cancel(); });
}

fault_injection::target fault_injection::may_cancel(std::function<void()> cancel) {
  auto shared = std::make_shared<std::function<void()>>(std::move(cancel));
  targets_.push_back(shared);
  return target(std::move(shared));
}

void fault_injection::cancel_one() {
  std::erase_if(children_, [](const task_handle& child) { return child.done(); });
  std::erase_if(targets_, [](const auto& target) { return target.expired(); });
  const std::size_t all = children_.size() + targets_.size();
  if (all == 0) return;
  ++cancelled_;
  const std::size_t chosen = dice_.below(all);
  if (chosen < children_.size()) {
    const task_handle child = std::exchange(children_[chosen], children_.back());
    children_.pop_back();
    child.cancel();
    return;
  }
  auto& place = targets_[chosen - children_.size()];
  const auto cancel = place.lock();
  place = targets_.back();
  targets_.pop_back();
  (*cancel)();
}

void fault_injection::shuffle(std::vector<detail::ready_node*>& nodes) {
  for (std::size_t left = nodes.size(); left > 1; --left) std::swap(nodes[left - 1], nodes[dice_.below(left)]);
}

detail::ready_node* fault_injection::rearrange(detail::ready_node* ready) {
  // What is cancelled here becomes ready in the next round.
  if (dice_.chance(options_.cancel_percent)) cancel_one();
  tasks_.clear();
  posted_.clear();
  chosen_.clear();
  for (; ready; ready = ready->next_ready)
    (ready->run == &detail::wait_node::resume ? tasks_ : posted_).push_back(ready);
  const bool reorders = dice_.chance(options_.reorder_percent);
  if (reorders) {
    shuffle(tasks_);
    if (tasks_.size() > 1) ++reordered_;
  }
  // Tasks among posted functions, which keep their order: once one is late, so are those behind it.
  bool posted_are_late = false;
  std::size_t next_task = 0;
  std::size_t next_posted = 0;
  while (next_task < tasks_.size() || next_posted < posted_.size()) {
    const std::size_t left = tasks_.size() - next_task + posted_.size() - next_posted;
    const bool takes_task = dice_.below(left) < tasks_.size() - next_task;
    detail::ready_node* node = takes_task ? tasks_[next_task++] : posted_[next_posted++];
    bool late = dice_.chance(options_.delay_percent);
    if (!takes_task) late = posted_are_late = posted_are_late || late;
    if (late) {
      ++delayed_;
      loop_.schedule(node);
    } else {
      chosen_.push_back(node);
    }
  }
  detail::ready_node* first = nullptr;
  for (auto node = chosen_.rbegin(); node != chosen_.rend(); ++node) first = ((*node)->next_ready = first, *node);
  return first;
}

} // namespace weir::testing

#include <weir/core/limiter.hpp>

#include <string>

namespace weir {

void limiter::refuse_capacity(long long capacity) {
  throw error(errc::invalid_argument,
              "a limiter cannot let " + std::to_string(capacity) + " in at once: 0 or more, or limiter::unlimited");
}

permit limiter::try_acquire(std::size_t units) noexcept {
  if (!waiters_.empty() || !fits(units)) return {};
  in_use_ += units;
  return permit(*this, units);
}

void limiter::release(std::size_t units) noexcept {
  in_use_ -= units;
  serve();
}

void limiter::serve() noexcept {
  while (!waiters_.empty()) {
    auto& oldest = static_cast<waiter&>(waiters_.front());
    if (!fits(oldest.units_)) return;
    waiters_.pop_front();
    --waiting_;
    in_use_ += oldest.units_;
    oldest.finish();
  }
}

void limiter::change_capacity(std::size_t capacity) noexcept {
  capacity_ = capacity;
  serve();
}

void limiter::waiter::give_up(detail::wait_node* node) noexcept {
  auto* self = static_cast<waiter*>(node);
  static_cast<detail::list_hook<detail::in_queue>*>(self)->unlink();
  --self->owner_.waiting_;
  self->finish(true);
  self->owner_.serve(); // a large request that leaves may let smaller ones behind it in
}

task<void> limiter::acquire_for(const void* borrower, std::shared_ptr<const void> alive) {
  if (!borrower) throw error(errc::invalid_argument, "a limiter lends nothing to a borrower that is null");
  if (!loans_) loans_ = std::make_unique<loans>();
  if (!loans_->try_emplace(borrower, loan{{}, std::move(alive)}).second)
    throw error(errc::invalid_argument, "this borrower has a unit of the limiter already, or waits for one");
  struct undo {
    limiter& owner;
    const void* borrower;
    bool wanted = true;
    ~undo() {
      if (wanted) owner.loans_->erase(borrower);
    }
  } at_end{*this, borrower};
  permit held = co_await acquire();
  loans_->find(borrower)->second.held = std::move(held);
  at_end.wanted = false;
}

void limiter::release_on_behalf_of(const void* borrower) {
  const auto found = loans_ ? loans_->find(borrower) : loans::iterator();
  if (!loans_ || found == loans_->end() || !found->second.held)
    throw error(errc::invalid_argument, "this borrower has no unit of the limiter to give back");
  loans_->erase(found);
}

limiter_statistics limiter::statistics() const {
  limiter_statistics now{capacity_, in_use_, waiting_, {}};
  if (loans_)
    for (const auto& [borrower, lent] : *loans_)
      if (lent.held) now.borrowers.push_back(borrower);
  return now;
}

} // namespace weir

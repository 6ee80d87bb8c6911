#include "jobs/queue.hpp"

#include <algorithm>

namespace weir::jobs::detail {

void request_queue::push(std::shared_ptr<request> r) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(r));
}

bool request_queue::withdraw(const std::shared_ptr<request>& r) {
  std::lock_guard lock(mutex_);
  return std::erase(waiting_, r) > 0;
}

std::vector<std::string> request_queue::take_changed() {
  std::lock_guard lock(mutex_);
  return std::exchange(changed_, {});
}

std::vector<std::shared_ptr<request>> request_queue::next_batch() {
  std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), max_batch));
  std::vector<std::shared_ptr<request>> batch(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return batch;
}

void request_queue::run(const std::shared_ptr<request>& r) {
  while (!r->done.load(std::memory_order_acquire)) {
    const auto batch = next_batch();
    if (batch.empty()) return; // withdrawn
    perform(batch);
  }
}

void request_queue::perform(const std::vector<std::shared_ptr<request>>& batch) {
  const bool writes = std::any_of(batch.begin(), batch.end(), [](const auto& r) { return r->writes; });
  try {
    if (writes) {
      transaction t(database_->base());
      for (const auto& r : batch) perform_one(*r);
      t.commit();
    } else {
      for (const auto& r : batch) perform_one(*r);
    }
  } catch (...) {
    // Nothing of this transaction is in the file. A request that had failed by itself keeps its own reason.
    for (const auto& r : batch)
      if (!r->failure) r->failure = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  for (const auto& r : batch) {
    if (!r->failure && !r->changes.empty()) changed_.push_back(r->changes);
    r->done.store(true, std::memory_order_release);
  }
}

void request_queue::perform_one(request& r) {
  auto& c = database_->base();
  if (r.writes) c.execute("SAVEPOINT one");
  try {
    r.work(*database_);
  } catch (...) {
    r.failure = std::current_exception();
    if (r.writes && !c.in_transaction()) throw; // a full disk, for one, ends the whole transaction: all fail
    if (r.writes) c.execute("ROLLBACK TO one");
  }
  if (r.writes) c.execute("RELEASE one");
}

} // namespace weir::jobs::detail

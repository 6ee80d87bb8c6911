#pragma once

#include "jobs/database.hpp"

#include <atomic>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weir::jobs::detail {

/// One call of the store on its way through the queue.
struct request {
  bool writes = false;
  std::string changes; ///< the id whose waiters are to be told once it is in the file; may be empty
  std::function<void(database&)> work;
  std::exception_ptr failure; ///< valid once done
  std::atomic<bool> done = false;
};

/// Carries requests to the database in their order, many in one transaction: a commit costs a flush of the disk
/// (0.1 to 10 ms), however many changes are in it. Whoever comes with the first request that is still waiting does the
/// work of all that wait behind it ("group commit"). A request fails alone: its changes are rolled back to a savepoint.
/// Only when the commit itself fails, all requests of that transaction fail with the same error.
/// Thread-safety: `push`, `withdraw`, `take_changed` from any thread; `run` from one thread at a time.
class request_queue {
 public:
  explicit request_queue(std::unique_ptr<database> db) : database_(std::move(db)) {}

  void push(std::shared_ptr<request> r);
  /// Takes `r` out of the queue; returns false where it has been begun.
  bool withdraw(const std::shared_ptr<request>& r);
  /// Returns when `r` is done, having run whatever was before it. Blocking.
  void run(const std::shared_ptr<request>& r);
  /// Returns the ids changed since the last call; each at most once for every change.
  std::vector<std::string> take_changed();

  database& base() noexcept { return *database_; }

 private:
  static constexpr std::size_t max_batch = 128;

  std::vector<std::shared_ptr<request>> next_batch();
  void perform(const std::vector<std::shared_ptr<request>>& batch);
  void perform_one(request& r);

  std::mutex mutex_;
  std::deque<std::shared_ptr<request>> waiting_;
  std::vector<std::string> changed_;
  std::unique_ptr<database> database_;
};

} // namespace weir::jobs::detail

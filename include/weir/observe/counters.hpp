#pragma once

#include <weir/core/limiter.hpp>
#include <weir/core/loop.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace weir::observe {

/// A limiter as a report shows it.
struct limiter_counters {
  std::string name;
  std::size_t capacity = 0; ///< limiter::unlimited: none
  std::size_t in_use = 0;   ///< units
  std::size_t waiting = 0;  ///< tasks
};

/// What a loop and the pool of the process have done and hold, at one moment.
struct counters {
  loop_counters loop;
  pool_counters threads;                  ///< of the process
  std::vector<limiter_counters> limiters; ///< those that are watched, in order of name
};

/// Returns the counters of `owner`. Thread-safety: the loop's own thread. Cost: one lock, one string per limiter.
counters snapshot(loop& owner = loop::current());

/// Lines for people: the loop, the threads, each limiter.
std::string to_string(const counters& now);

/// The text format of Prometheus (0.0.4): weir_loop_..., weir_pool_... and weir_limiter_...{name="..."}, each with its
/// HELP and TYPE; what only grows ends in _total. Served as it is under /metrics.
std::string prometheus(const counters& now);

/// Shows a limiter in the snapshots of the loop that is running, and in its reports (SIGUSR1), for as long as it lives.
/// It must not outlive the limiter. Limiters that nobody watches pay nothing. Thread-safety: the loop's own thread.
class watch_limiter {
 public:
  /// `name`: empty takes the limiter's own. Fails: errc::invalid_argument where both are empty.
  explicit watch_limiter(const limiter& watched, std::string name = {});
  ~watch_limiter();
  watch_limiter(const watch_limiter&) = delete;
  watch_limiter& operator=(const watch_limiter&) = delete;

  // For the bodies of this header.
  struct registry;

 private:
  std::shared_ptr<registry> registry_;
};

} // namespace weir::observe

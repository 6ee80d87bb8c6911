#pragma once

#include <weir/core/detail/round_hook.hpp>
#include <weir/core/task_group.hpp>
#include <weir/testing/random.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace weir::testing {

/// How often a fault_injection does what.
struct fault_options {
  unsigned reorder_percent = 90; ///< of the rounds: what is ready runs in a random order
  unsigned delay_percent = 15;   ///< of what is ready: waits for the next round, where it is drawn again
  unsigned cancel_percent = 3;   ///< of the rounds: one of the targets is cancelled
};

/// Makes the loop that is running an unkind one, for as long as the object lives: tasks that are ready run in a random
/// order and some rounds late, and what the test offers is cancelled at random moments. All of it follows from the
/// seed: the same seed gives the same run, as long as the test takes no time and order from outside (use a
/// manual_clock).
///
/// What a program may rely on still holds: functions that were posted run in order, a limiter grants in order of
/// arrival (only who has been granted resumes later or earlier), nothing gets lost. `yield_now` alone promises less:
/// others that are ready may stay behind.
///
/// Faults come with rounds: a loop in which everybody waits is left alone.
/// When an exception ends its life, it prints the seed to stderr. Thread-safety: the loop's thread only.
/// Cost: none for a loop without one.
class fault_injection : detail::round_hook {
 public:
  explicit fault_injection(std::uint64_t seed, fault_options options = {});
  ~fault_injection();
  fault_injection(const fault_injection&) = delete;
  fault_injection& operator=(const fault_injection&) = delete;

  /// Takes its target off the list when it dies.
  class [[nodiscard]] target {
   public:
    target() noexcept = default;

   private:
    friend class fault_injection;
    explicit target(std::shared_ptr<std::function<void()>> cancel) noexcept : cancel_(std::move(cancel)) {}
    std::shared_ptr<std::function<void()>> cancel_;
  };

  /// The child may be cancelled from now on, once.
  void may_cancel(task_handle child);
  /// The group may be cancelled, once, for as long as the result lives; it must not outlive the group.
  target may_cancel(task_group& group);
  /// Anything else that stops something: `cancel()` may be called, once, between two tasks. It must not throw.
  target may_cancel(std::function<void()> cancel);

  std::uint64_t seed() const noexcept { return seed_; }
  /// Numbers for the test's own decisions, from the same seed.
  testing::random& random() noexcept { return own_; }

  std::uint64_t reordered() const noexcept { return reordered_; } ///< rounds
  std::uint64_t delayed() const noexcept { return delayed_; }     ///< tasks and functions, by one round each
  std::uint64_t cancelled() const noexcept { return cancelled_; } ///< targets

 private:
  detail::ready_node* rearrange(detail::ready_node* ready);
  void cancel_one();
  void shuffle(std::vector<detail::ready_node*>& nodes);

  loop& loop_;
  const std::uint64_t seed_;
  const fault_options options_;
  testing::random dice_;
  testing::random own_;
  const int exceptions_before_;
  detail::round_hook* outer_ = nullptr;
  std::vector<task_handle> children_;
  std::vector<std::weak_ptr<std::function<void()>>> targets_;
  std::vector<detail::ready_node*> tasks_, posted_, chosen_;
  std::uint64_t reordered_ = 0, delayed_ = 0, cancelled_ = 0;
};

} // namespace weir::testing

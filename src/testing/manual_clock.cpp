#include <weir/core/sleep.hpp>
#include <weir/testing/manual_clock.hpp>

namespace weir::testing {

manual_clock::manual_clock(loop& owner) : loop_(owner), time_{owner.now(), true} { loop_.use_manual_time(&time_); }

manual_clock::~manual_clock() { loop_.use_manual_time(nullptr); }

task<void> manual_clock::advance(clock::duration span) {
  struct jumping {
    explicit jumping(manual_clock& c) : clock(c) {
      ++clock.advancing_;
      clock.time_.advances = true;
    }
    ~jumping() {
      if (--clock.advancing_ == 0) clock.time_.advances = clock.auto_;
    }
    manual_clock& clock;
  } while_it_moves(*this);
  co_await sleep_for(span);
  // A timer for now fires when the queue is empty: behind all that became ready at this same time.
  co_await sleep_for(clock::duration::zero());
}

void manual_clock::set_auto_advance(bool on) noexcept {
  auto_ = on;
  if (advancing_ == 0) time_.advances = on;
}

} // namespace weir::testing

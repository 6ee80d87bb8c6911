#include "core/support.hpp"

#include <weir/core/race.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(race, gives_the_first_and_cancels_the_rest) {
  int seen = 0;
  const auto winner = run(race(noting_cancellation(seen), after(10ms, 5)));
  ASSERT_EQ(winner.index(), 1u);
  EXPECT_EQ(std::get<1>(winner), 5);
  EXPECT_EQ(seen, 1);
}

TEST(race, the_first_error_wins_too) { EXPECT_THROW(run(race(failing(1ms), after(5s, 1))), error); }

TEST(race, waits_for_the_losers) {
  on_manual_time([]() -> task<void> {
    bool cleaned = false;
    const auto slow_to_stop = [](bool& flag) -> task<int> {
      try {
        co_await until_cancelled();
      } catch (const cancelled&) {}
      co_await shield(after(1s, 0));
      flag = true;
      co_return 2;
    };
    const auto winner = co_await race(after(1ms, 1), slow_to_stop(cleaned));
    EXPECT_EQ(winner.index(), 0u);
    EXPECT_TRUE(cleaned);
  });
}

TEST(race, an_error_of_a_loser_is_dropped) {
  on_manual_time([]() -> task<void> {
    const auto sore_loser = []() -> task<int> {
      try {
        co_await until_cancelled();
      } catch (const cancelled&) {}
      throw error(errc::corrupt, "late");
    };
    EXPECT_EQ(std::get<0>(co_await race(after(1ms, 4), sore_loser())), 4);
  });
}

TEST(race, of_void_and_values) {
  on_manual_time([]() -> task<void> {
    const auto winner = co_await race([]() -> task<void> { co_await sleep_for(1ms); }(),
                                      []() -> task<std::string> {
                                        co_await sleep_for(2ms);
                                        co_return "late";
                                      }());
    EXPECT_EQ(winner.index(), 0u);
  });
}

TEST(race, is_cancelled_with_its_caller) {
  on_manual_time([]() -> task<void> {
    int seen = 0;
    EXPECT_EQ(co_await failure_of(with_timeout(1s, race(noting_cancellation(seen), noting_cancellation(seen)))),
              "timeout: not finished within 1 s");
    EXPECT_EQ(seen, 2);
  });
}

} // namespace

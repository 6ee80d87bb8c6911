#include "core/support.hpp"

#include <weir/core/channel.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(channel, is_bounded_ordered_and_closable) {
  run([]() -> task<void> {
    channel<int> numbers(3);
    std::vector<int> got;
    co_await gather(
        [](channel<int>& to) -> task<void> {
          for (int i = 0; i < 100; ++i) {
            co_await to.send(i);
            EXPECT_LE(to.size(), 3u);
          }
          to.close();
        }(numbers),
        [](channel<int>& from, std::vector<int>& out) -> task<void> {
          while (auto value = co_await from.receive()) {
            out.push_back(*value);
            if (*value % 7 == 0) co_await sleep_for(100us);
          }
        }(numbers, got));
    EXPECT_EQ(got.size(), 100u);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_THROW(co_await numbers.send(1), error);
  }());
}

TEST(channel, cancelling_receivers_loses_no_value) {
  run([]() -> task<void> {
    channel<int> numbers(1);
    int sum = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::mt19937 random(7);
      group.spawn([&]() -> task<void> {
        for (int i = 1; i <= 200; ++i) co_await numbers.send(i);
        numbers.close();
      });
      for (bool open = true; open;) {
        auto handle = group.spawn([&]() -> task<void> {
          while (auto value = co_await numbers.receive()) sum += *value;
          open = false;
        });
        for (unsigned n = random() % 4; n > 0; --n) co_await yield_now();
        handle.cancel();
        co_await yield_now();
      }
    });
    EXPECT_EQ(sum, 200 * 201 / 2);
  }());
}

TEST(channel, try_receive_takes_what_is_there) {
  on_loop([]() -> task<void> {
    channel<int> numbers(2);
    EXPECT_EQ(numbers.capacity(), 2u);
    EXPECT_EQ(numbers.try_receive(), std::nullopt);
    EXPECT_TRUE(numbers.try_send(1));
    EXPECT_TRUE(numbers.try_send(2));
    EXPECT_FALSE(numbers.try_send(3));
    EXPECT_EQ(numbers.size(), 2u);
    EXPECT_EQ(numbers.try_receive(), 1);
    EXPECT_EQ(numbers.try_receive(), 2);
    EXPECT_EQ(numbers.try_receive(), std::nullopt);
    numbers.close();
    EXPECT_EQ(numbers.try_receive(), std::nullopt);
    co_return;
  });
}

TEST(channel, try_receive_lets_a_waiting_sender_in) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      co_await numbers.send(1);
      auto sender = group.spawn([&]() -> task<void> { co_await numbers.send(2); });
      EXPECT_FALSE(sender.done());
      EXPECT_EQ(numbers.try_receive(), 1);
      EXPECT_EQ(numbers.size(), 1u);
      co_await sender.join();
      EXPECT_EQ(numbers.try_receive(), 2);
    });
  });
}

TEST(channel, a_capacity_of_0_is_one) { EXPECT_EQ(channel<int>(0).capacity(), 1u); }

TEST(channel, is_a_range) {
  on_loop([]() -> task<void> {
    channel<std::string> words(8);
    for (const char* word : {"one", "two", "three"}) co_await words.send(word);
    words.close();
    std::string all;
    for (auto word = co_await words.begin(); word != words.end(); co_await ++word)
      all += *word + " " + word->substr(1, 1);
    EXPECT_EQ(all, "one ntwo wthree h");
  });
}

TEST(channel, serves_several_readers_in_order) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    std::vector<std::pair<int, int>> got;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int reader = 0; reader < 3; ++reader)
        group.spawn([&, reader]() -> task<void> {
          while (auto value = co_await numbers.receive()) got.emplace_back(*value, reader);
        });
      for (int i = 0; i < 6; ++i) co_await numbers.send(i);
      while (numbers.size() > 0) co_await yield_now();
      numbers.close();
    });
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got.size(), 6u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(got.at(i), std::make_pair(i, i)); // value, reader
  });
}

TEST(channel, serves_several_senders_in_order) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    std::vector<int> got;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 5; ++i) group.spawn([&, i]() -> task<void> { co_await numbers.send(i); });
      for (int i = 0; i < 5; ++i) got.push_back(*co_await numbers.receive());
    });
    EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4}));
  });
}

TEST(channel, carries_what_cannot_be_copied) {
  on_loop([]() -> task<void> {
    channel<std::unique_ptr<int>> numbers(1);
    co_await numbers.send(std::make_unique<int>(7));
    EXPECT_EQ(**co_await numbers.receive(), 7);
  });
}

TEST(channel, close_ends_receivers_and_fails_senders) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1), none(1);
    co_await numbers.send(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto sender = group.spawn([&]() -> task<void> {
        EXPECT_EQ(co_await failure_of([](channel<int>& c) -> task<void> { co_await c.send(2); }(numbers)),
                  "unavailable: the channel is closed");
      });
      auto reader = group.spawn([&]() -> task<void> { EXPECT_EQ(co_await none.receive(), std::nullopt); });
      numbers.close();
      numbers.close();
      none.close();
      EXPECT_TRUE(none.is_closed());
      co_await sender.join();
      co_await reader.join();
    });
    EXPECT_FALSE(numbers.try_send(3));
    EXPECT_EQ(co_await numbers.receive(), 1); // what is left is given out
    EXPECT_EQ(co_await numbers.receive(), std::nullopt);
    EXPECT_EQ(co_await numbers.receive(), std::nullopt);
  });
}

TEST(channel, a_cancelled_send_puts_nothing_in) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    co_await numbers.send(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto cut = group.spawn([&]() -> task<void> { co_await numbers.send(2); });
      auto last = group.spawn([&]() -> task<void> { co_await numbers.send(3); });
      cut.cancel();
      co_await cut.join();
      EXPECT_EQ(cut.status(), task_status::cancelled);
      EXPECT_EQ(co_await numbers.receive(), 1);
      co_await last.join();
      EXPECT_EQ(co_await numbers.receive(), 3);
      EXPECT_EQ(numbers.size(), 0u);
    });
  });
}

TEST(channel, a_send_in_a_cancelled_scope_puts_nothing_in) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      co_await numbers.send(1);
    });
    EXPECT_EQ(numbers.size(), 0u);
  });
}

TEST(channel, a_value_handed_over_before_the_cancellation_is_not_lost) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    std::optional<int> got;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto reader = group.spawn([&]() -> task<void> {
        got = co_await numbers.receive(); // returns, though it is cancelled meanwhile
        EXPECT_TRUE(this_task::is_cancelled());
        co_await yield_now();
        ADD_FAILURE() << "the next wait did not throw";
      });
      co_await numbers.send(5); // handed over: the reader has not run yet
      EXPECT_EQ(numbers.size(), 0u);
      reader.cancel();
      co_await reader.join();
      EXPECT_EQ(reader.status(), task_status::cancelled);
    });
    EXPECT_EQ(got, 5);
  });
}

TEST(channel, a_value_sent_after_the_cancellation_goes_to_the_next_reader) {
  on_loop([]() -> task<void> {
    channel<int> numbers(1);
    int first_got = 0, second_got = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto first = group.spawn([&]() -> task<void> { first_got = *co_await numbers.receive(); });
      group.spawn([&]() -> task<void> { second_got = *co_await numbers.receive(); });
      first.cancel(); // it has not run yet
      co_await numbers.send(5);
    });
    EXPECT_EQ(first_got, 0);
    EXPECT_EQ(second_got, 5);
  });
}

TEST(channel, a_time_limit_that_strikes_after_the_hand_over_returns_the_value) {
  on_manual_time([]() -> task<void> {
    channel<int> numbers(1);
    int got = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto reader = group.spawn([&]() -> task<void> {
        got = co_await with_timeout(
            1s, [](channel<int>& from) -> task<int> { co_return *co_await from.receive(); }(numbers));
      });
      numbers.try_send(5);
      weir::detail::manual_time later{loop::current().now() + 2s, true};
      loop::current().use_manual_time(&later); // the limit acts before the reader runs, or after: no value is lost
      co_await reader.join();
      loop::current().use_manual_time(nullptr);
    });
    EXPECT_EQ(got, 5);
  });
}

} // namespace

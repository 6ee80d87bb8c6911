// The queue of timers against one that is plainly right.
#include "core/timer_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <vector>

using namespace weir;
using namespace weir::detail;

namespace {

clock::time_point at(std::int64_t due) { return clock::time_point(clock::duration(due)); }

struct bell : timer_node {
  explicit bell(std::vector<int>& told, int name = 0) : rung(&told), number(name) {
    fire = [](timer_node* node) noexcept {
      auto* self = static_cast<bell*>(node);
      self->rung->push_back(self->number);
      if (self->then) self->then();
    };
  }
  std::vector<int>* rung;
  int number;
  std::function<void()> then;
};

/// A heap and what it should be, under the same orders.
class twins {
 public:
  twins(std::size_t size, std::uint32_t first_number) : heap_(first_number) {
    for (std::size_t i = 0; i < size; ++i) bells_.emplace_back(told_, static_cast<int>(i));
    keys_.resize(size);
  }
  void arm(std::size_t which, std::int64_t due) {
    disarm(which);
    heap_.arm(bells_[which], at(due));
    keys_[which] = {due, ++count_, static_cast<int>(which)};
    model_.insert(keys_[which]);
  }
  void disarm(std::size_t which) {
    heap_.disarm(bells_[which]);
    model_.erase(keys_[which]);
  }
  void check_next() {
    const auto next = heap_.next_due();
    ASSERT_EQ(next.has_value(), !model_.empty());
    if (next) ASSERT_EQ(*next, at(std::get<0>(*model_.begin())));
  }
  void fire(std::int64_t now) {
    std::vector<int> expected;
    while (!model_.empty() && std::get<0>(*model_.begin()) <= now) {
      expected.push_back(std::get<2>(*model_.begin()));
      model_.erase(model_.begin());
    }
    told_.clear();
    std::size_t fired = 0;
    while (const std::size_t more = heap_.fire(at(now))) {
      ASSERT_LE(more, 512U);
      fired += more;
    }
    ASSERT_EQ(told_, expected);
    ASSERT_EQ(fired, expected.size());
    ASSERT_EQ(heap_.size(), model_.size());
    for (const int which : expected) ASSERT_EQ(bells_[static_cast<std::size_t>(which)].index, timer_node::unarmed);
  }

 private:
  using key = std::tuple<std::int64_t, std::uint64_t, int>;
  timer_heap heap_;
  std::deque<bell> bells_;
  std::vector<key> keys_;
  std::set<key> model_;
  std::vector<int> told_;
  std::uint64_t count_ = 0;
};

void compare(unsigned seed, std::uint32_t first_number) {
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  constexpr std::size_t size = 3000;
  twins both(size, first_number);
  std::int64_t now = 0;
  for (int step = 0; step < 400 && !testing::Test::HasFatalFailure(); ++step) {
    const std::size_t burst = below(4) == 0 ? below(size) : below(20);
    const std::size_t spread = below(2) == 0 ? 5 : 2000; // the one for many equal times
    for (std::size_t i = 0; i < burst; ++i) {
      const std::size_t which = below(size);
      if (below(3) != 0)
        both.arm(which, now - 50 + static_cast<std::int64_t>(below(spread)));
      else
        both.disarm(which);
    }
    if (below(2) == 0) both.check_next();
    if (below(3) == 0) both.fire(now += static_cast<std::int64_t>(below(300)));
  }
  both.fire(now + 10'000);
}

TEST(timer_heap, does_what_a_plain_queue_does) {
  for (unsigned seed = 0; seed < 6; ++seed) compare(seed, 0);
}

TEST(timer_heap, order_outlives_the_numbers_of_armings) {
  // They run out in the middle.
  for (unsigned seed = 0; seed < 3; ++seed) compare(seed, std::numeric_limits<std::uint32_t>::max() - 500);
}

TEST(timer_heap, equal_times_fire_as_they_were_armed) {
  std::vector<int> told;
  std::deque<bell> bells;
  timer_heap heap;
  for (int i = 0; i < 1000; ++i) {
    heap.arm(bells.emplace_back(told, i), at(7));
    if (i % 10 == 0) EXPECT_EQ(heap.next_due(), at(7)); // so that some go one way and some another
  }
  while (heap.fire(at(7)) != 0) {}
  ASSERT_EQ(told.size(), 1000U);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(told[static_cast<std::size_t>(i)], i);
}

TEST(timer_heap, times_of_any_distance_fire_in_order) {
  std::mt19937_64 random(7);
  for (int bits = 0; bits <= 64; bits += 4) {
    std::vector<int> told;
    std::deque<bell> bells;
    timer_heap heap;
    std::vector<std::pair<std::int64_t, int>> expected;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t any = bits == 0 ? 0 : random() >> (64 - bits);
      const auto due = std::max(static_cast<std::int64_t>(any), std::numeric_limits<std::int64_t>::min() + 1);
      expected.emplace_back(due, i);
      heap.arm(bells.emplace_back(told, i), at(due));
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(heap.next_due(), at(expected.front().first));
    while (heap.fire(at(std::numeric_limits<std::int64_t>::max() - 1)) != 0) {}
    ASSERT_GE(told.size(), 900U) << bits;
    for (std::size_t i = 0; i < told.size(); ++i) ASSERT_EQ(told[i], expected[i].second) << bits << ", " << i;
    for (auto& each : bells) heap.disarm(each);
  }
}

TEST(timer_heap, what_fires_may_disarm_and_arm_others) {
  std::vector<int> told;
  std::deque<bell> bells;
  timer_heap heap;
  constexpr int size = 2000;
  for (int i = 0; i < size; ++i) bells.emplace_back(told, i);
  for (auto& each : bells) heap.arm(each, at(each.number));
  // Each odd one ends the next, and comes again for a time that has passed: that is the next round's.
  for (int i = 1; i + 1 < size; i += 2)
    bells[static_cast<std::size_t>(i)].then = [&heap, &bells, i] {
      heap.disarm(bells[static_cast<std::size_t>(i) + 1]);
      heap.arm(bells[static_cast<std::size_t>(i)], at(-5));
    };
  std::size_t fired = 0;
  for (int round = 0; round < 4; ++round) fired += heap.fire(at(size)); // 512 each
  EXPECT_EQ(fired, 1001U);
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_LT(told[i - 1], told[i]);
  EXPECT_EQ(heap.size(), 999U);
  EXPECT_EQ(heap.next_due(), at(size + 1));
  for (auto& each : bells) {
    each.then = nullptr;
    heap.disarm(each);
  }
  EXPECT_EQ(heap.size(), 0U);
  EXPECT_EQ(heap.next_due(), std::nullopt);
  EXPECT_EQ(heap.fire(at(1'000'000)), 0U);
}

TEST(timer_heap, the_time_of_one_that_was_disarmed_is_not_the_next) {
  std::vector<int> told;
  std::deque<bell> bells;
  timer_heap heap;
  for (int i = 0; i < 100; ++i) heap.arm(bells.emplace_back(told, i), at(i));
  EXPECT_EQ(heap.next_due(), at(0));
  for (int i = 0; i < 99; ++i) {
    heap.disarm(bells[static_cast<std::size_t>(i)]);
    EXPECT_EQ(heap.next_due(), at(i + 1));
  }
}

TEST(timer_heap, arming_and_disarming_for_ever_takes_no_more_room) {
  std::vector<int> told;
  bell stays(told, 1), comes_and_goes(told, 2);
  timer_heap heap;
  heap.arm(stays, at(1'000'000));
  std::size_t highest = 0;
  for (int i = 0; i < 100'000; ++i) {
    heap.arm(comes_and_goes, at(2'000'000 + i));
    highest = std::max(highest, comes_and_goes.index);
    if (i % 3 == 0) heap.next_due();
    heap.disarm(comes_and_goes);
  }
  EXPECT_LT(highest, 1000U); // numbers of places are used again
  EXPECT_EQ(heap.fire(at(3'000'000)), 1U);
  EXPECT_EQ(told, std::vector<int>{1});
}

} // namespace

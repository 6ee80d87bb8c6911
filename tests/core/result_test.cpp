#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/result.hpp>

#include <gtest/gtest.h>

#include <memory>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(result, holds_a_value) {
  result<int> good(3);
  EXPECT_TRUE(good);
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(good.value(), 3);
  EXPECT_EQ(good.failure(), nullptr);
  EXPECT_FALSE(good.is_cancelled());
}

TEST(result, holds_a_failure) {
  const result<int> bad(std::make_exception_ptr(error(errc::corrupt, "bad")));
  EXPECT_FALSE(bad);
  EXPECT_EQ(failure_of_call([&] { return bad.value(); }), "corrupt: bad");
  EXPECT_EQ(text_of(bad.failure()), "corrupt: bad");
  EXPECT_FALSE(bad.is_cancelled());
}

TEST(result, cancelled_is_an_outcome_of_its_own) {
  const result<void> cut(std::make_exception_ptr(cancelled{}));
  EXPECT_FALSE(cut);
  EXPECT_TRUE(cut.is_cancelled());
  EXPECT_EQ(failure_of_call([&] {
              cut.value();
              return 0;
            }),
            "cancelled");
}

TEST(result, of_void) {
  const result<void> good(std::monostate{});
  EXPECT_TRUE(good);
  good.value();
}

TEST(result, gives_away_what_cannot_be_copied) {
  result<std::unique_ptr<int>> box(std::make_unique<int>(4));
  EXPECT_EQ(*box.value(), 4);
  EXPECT_EQ(*std::move(box).value(), 4);
}

TEST(result, of_a_task_keeps_its_cancellation) {
  on_loop([]() -> task<void> {
    auto [cut, good] = co_await gather_results(
        []() -> task<int> {
          throw cancelled{};
          co_return 1;
        }(),
        after(0s, 2));
    EXPECT_TRUE(cut.is_cancelled());
    EXPECT_EQ(good.value(), 2);
  });
}

} // namespace

#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/other_errors.hpp>
#include <weir/core/task_group.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

task<void> fails_on_the_way_out(const char* why) {
  try {
    co_await until_cancelled();
  } catch (const cancelled&) {}
  throw error(errc::corrupt, why);
}

std::vector<std::string> texts(const std::vector<std::exception_ptr>& failures) {
  std::vector<std::string> all;
  for (const auto& failure : failures) all.push_back(text_of(failure));
  return all;
}

TEST(other_errors, outside_of_a_handler_there_are_none) { EXPECT_TRUE(other_errors().empty()); }

TEST(other_errors, of_an_exception_that_came_alone_there_are_none) {
  try {
    throw error(errc::corrupt, "alone");
  } catch (const error&) {
    EXPECT_TRUE(other_errors().empty());
  }
}

TEST(other_errors, arrive_in_order) {
  std::vector<std::string> others;
  try {
    run(gather(failing(1ms), fails_on_the_way_out("second"), fails_on_the_way_out("third")));
  } catch (const error& e) {
    EXPECT_STREQ(e.what(), "gone");
    others = texts(other_errors());
  }
  EXPECT_EQ(others, (std::vector<std::string>{"corrupt: second", "corrupt: third"}));
}

TEST(other_errors, of_nested_groups_add_up) {
  std::vector<std::string> others;
  try {
    on_loop([]() -> task<void> {
      co_await with_task_group([](task_group& group) -> task<void> {
        group.spawn(fails_on_the_way_out("outer"));
        co_await with_task_group([](task_group& inner) -> task<void> {
          inner.spawn(fails_on_the_way_out("inner"));
          co_await yield_now();
          throw error(errc::no_space, "first");
        });
      });
    });
  } catch (const error& e) {
    EXPECT_STREQ(e.what(), "first");
    others = texts(other_errors());
  }
  EXPECT_EQ(others, (std::vector<std::string>{"corrupt: inner", "corrupt: outer"}));
}

TEST(other_errors, keep_no_cancellations) {
  std::vector<std::string> others;
  int seen = 0;
  try {
    run(gather(failing(1ms), noting_cancellation(seen), fails_on_the_way_out("second")));
  } catch (const error&) {
    others = texts(other_errors());
  }
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(others, (std::vector<std::string>{"corrupt: second"}));
}

TEST(other_errors, belong_to_the_exception_that_is_handled) {
  std::size_t outside = 99, inside = 99;
  try {
    run(gather(failing(1ms), fails_on_the_way_out("second")));
  } catch (const error&) {
    try {
      throw error(errc::internal, "another");
    } catch (const error&) {
      inside = other_errors().size();
    }
    outside = other_errors().size();
  }
  EXPECT_EQ(inside, 0u);
  EXPECT_EQ(outside, 1u);
}

} // namespace

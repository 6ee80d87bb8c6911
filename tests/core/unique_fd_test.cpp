#include "core/support.hpp"

#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int open_one() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(unique_fd, closes_at_its_end) {
  const int raw = open_one();
  {
    unique_fd owner(raw);
    EXPECT_TRUE(owner);
    EXPECT_EQ(owner.get(), raw);
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(unique_fd, is_empty_without_one) {
  unique_fd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
  none.reset();
}

TEST(unique_fd, moves) {
  const int raw = open_one();
  unique_fd first(raw);
  unique_fd second(std::move(first));
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), raw);
  const int other = open_one();
  unique_fd third(other);
  third = std::move(second);
  EXPECT_FALSE(is_open(other));
  EXPECT_EQ(third.get(), raw);
  unique_fd& same = third;
  third = std::move(same);
  EXPECT_TRUE(is_open(raw));
}

TEST(unique_fd, releases_and_resets) {
  unique_fd owner(open_one());
  const int raw = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(raw));
  owner.reset(raw);
  owner.reset();
  EXPECT_FALSE(is_open(raw));
}

} // namespace

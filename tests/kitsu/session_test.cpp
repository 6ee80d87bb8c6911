#include "kitsu/stub_fixture.hpp"

#include <weir/core/error.hpp>

#include <atomic>
#include <thread>

namespace weir::kitsu::stubbed {
namespace {

TEST(Session, ALoginThatIsCancelledWhileItsAnswerIsUnderWayLeavesNoTokenBehind) {
  std::atomic<bool> asked = false; // outlives the stub, whose threads end with it
  kitsu_stub stub;
  const auto fresh = stub.issue();
  stub.answer(
      "POST", "auth/login",
      [&](const stub_request&) {
        asked = true;
        std::this_thread::sleep_for(300ms);
        return stub_answer{.body = R"({"login": true, "access_token": ")" + fresh.access + R"(", "refresh_token": ")" +
                                   fresh.refresh + R"(", "user": {}})"};
      },
      true);
  on_loop([&]() -> task<void> {
    client studio(stub.host(), once());
    bool was_cancelled = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto login = group.spawn([](client& who, bool& cancelled_there) -> task<void> {
        try {
          co_await who.log_in("ann@example.com", "secret");
        } catch (const cancelled&) {
          cancelled_there = true;
          throw;
        }
      }(studio, was_cancelled));
      while (!asked) co_await sleep_for(1ms);
      login.cancel();
    });
    EXPECT_TRUE(was_cancelled);
    EXPECT_TRUE(studio.current_tokens().empty());
  });
  EXPECT_EQ(stub.logouts(), 1u);
  EXPECT_FALSE(stub.is_valid(fresh.access));
}

TEST(Session, ALoginThatIsCancelledAndNeverAnsweredEndsSoon) {
  std::atomic<bool> asked = false, go_on = false;
  kitsu_stub stub;
  stub.answer(
      "POST", "auth/login",
      [&](const stub_request&) {
        asked = true;
        while (!go_on) std::this_thread::sleep_for(1ms);
        return stub_answer{};
      },
      true);
  std::chrono::nanoseconds took{};
  on_loop([&]() -> task<void> {
    client studio(stub.host(), once());
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto login = group.spawn([](client& who) -> task<void> { co_await who.log_in("ann@example.com", "x"); }(studio));
      while (!asked) co_await sleep_for(1ms);
      const auto start = std::chrono::steady_clock::now();
      login.cancel();
      co_await login.join();
      took = std::chrono::steady_clock::now() - start;
    });
    EXPECT_TRUE(studio.current_tokens().empty());
  });
  go_on = true;
  EXPECT_GE(took, 1500ms);
  EXPECT_LT(took, 20s);
}

} // namespace
} // namespace weir::kitsu::stubbed

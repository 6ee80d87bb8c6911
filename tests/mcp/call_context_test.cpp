#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/mcp/call_context.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace weir::mcp {
namespace {

using namespace std::chrono_literals;

call_context::origin into(std::vector<progress_update>& out) {
  call_context::origin from;
  from.on_progress = [&out](const progress_update& update) { out.push_back(update); };
  return from;
}

TEST(McpCallContext, ProgressOnlyEverIncreases) {
  std::vector<progress_update> sent;
  run([](std::vector<progress_update>& out) -> task<void> {
    call_context call(into(out));
    EXPECT_TRUE(call.wants_progress());
    call.report_progress(1, 10, "one");
    call.report_progress(1, 10, "the same");
    call.report_progress(0.5, 10);
    call.report_progress(std::nan(""), 10);
    call.report_progress(INFINITY, 10);
    call.report_progress(2, INFINITY);
    co_return;
  }(sent));
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].message, "one");
  EXPECT_EQ(sent[0].total, 10);
  EXPECT_EQ(sent[1].progress, 2);
  EXPECT_FALSE(sent[1].total);
}

TEST(McpCallContext, ProgressIsLimitedAndTheNewestWins) {
  std::vector<progress_update> sent;
  run([](std::vector<progress_update>& out) -> task<void> {
    call_context call(into(out));
    auto until = clock::now() + 500ms;
    double step = 0;
    while (clock::now() < until) {
      call.report_progress(++step, {}, "");
      co_await sleep_for(1ms);
    }
    call.report_progress(++step, {}, "last");
    call.finish();
    call.report_progress(++step, {}, "too late");
  }(sent));
  EXPECT_GE(sent.size(), 6U);
  EXPECT_LE(sent.size(), 12U); // five at once, ten a second, and the last
  for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_GT(sent[i].progress, sent[i - 1].progress);
  EXPECT_EQ(sent.back().message, "last");
}

TEST(McpCallContext, AHeldReportLeavesByItself) {
  std::vector<progress_update> sent;
  run([](std::vector<progress_update>& out) -> task<void> {
    call_context call(into(out));
    for (int i = 1; i <= 8; ++i) call.report_progress(i);
    EXPECT_EQ(out.size(), 5U);
    for (int i = 0; i < 200 && out.size() < 6; ++i) co_await sleep_for(10ms);
    EXPECT_EQ(out.size(), 6U);
    EXPECT_EQ(out.back().progress, 8);
  }(sent));
}

TEST(McpCallContext, WithoutAListenerNothingHappens) {
  run([]() -> task<void> {
    call_context call;
    EXPECT_FALSE(call.wants_progress());
    call.report_progress(1);
    call.log(log_level::error, "x");
    EXPECT_TRUE(call.client().info.name.empty());
    co_return;
  }());
}

TEST(McpCallContext, NamesTheCapabilitiesThatAreMissing) {
  auto facts = std::make_shared<client_facts>();
  facts->capabilities = {{"elicitation", {{"form", json::object()}}}};
  call_context::origin from;
  from.client = facts;
  call_context modern(from);
  EXPECT_NO_THROW(modern.require_client_capability({{"elicitation", json::object()}}));
  EXPECT_NO_THROW(modern.require_client_capability({{"elicitation", {{"form", json::object()}}}}));
  try {
    modern.require_client_capability({{"elicitation", {{"url", json::object()}}}, {"roots", json::object()}});
    FAIL();
  } catch (const rpc_error& failure) {
    EXPECT_EQ(failure.code(), -32021);
    EXPECT_EQ(failure.http_status(), 400);
    EXPECT_EQ(json::serialize(failure.data()->at("requiredCapabilities")), R"({"elicitation":{"url":{}},"roots":{}})");
  }
  from.protocol = version::v2025_11_25;
  call_context old(from);
  EXPECT_THROW(old.require_client_capability({{"roots", json::object()}}), error);
}

} // namespace
} // namespace weir::mcp

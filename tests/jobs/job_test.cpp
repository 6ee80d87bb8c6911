#include <weir/core/error.hpp>
#include <weir/jobs/job.hpp>

#include <gtest/gtest.h>

namespace jobs = weir::jobs;

namespace {

TEST(job_status, names_go_there_and_back) {
  for (const std::string name :
       {"reserved", "submitting", "queued", "in_progress", "completed", "failed", "cancelled", "unknown_outcome"})
    EXPECT_EQ(jobs::to_string(jobs::job_status_from(name)), name);
  try {
    jobs::job_status_from("done");
    FAIL();
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::invalid_argument);
    EXPECT_NE(std::string(e.what()).find("'completed'"), std::string::npos) << e.what();
  }
}

TEST(job_status, final_ones) {
  using enum jobs::job_status;
  for (const auto s : {reserved, submitting, queued, in_progress}) EXPECT_FALSE(jobs::is_final(s));
  for (const auto s : {completed, failed, cancelled, unknown_outcome}) EXPECT_TRUE(jobs::is_final(s));
}

} // namespace

#include <weir/core/error.hpp>
#include <weir/kitsu/find.hpp>

#include <gtest/gtest.h>

namespace weir::kitsu {
namespace {

const json::array rows{{{"id", "1"}, {"name", "Aurora"}},
                       {{"id", "2"}, {"name", "aurora"}},
                       {{"id", "3"}, {"name", "Twin"}},
                       {{"id", "4"}, {"name", "Twin"}},
                       {{"id", "5"}, {"name", "SH_01"}},
                       {{"id", "6"}, {"name", "SHA01"}},
                       {{"id", "7"}, {"name", "Waiting For Approval"}, {"short_name", "wfa"}}};

std::string found(const char* wanted) { return json::string_or(pick(rows, wanted, "thing"), "id"); }

std::pair<errc, std::string> refused(const char* wanted) {
  try {
    pick(rows, wanted, "thing");
  } catch (const error& problem) {
    return {problem.code(), problem.what()};
  }
  return {errc::internal, "found"};
}

TEST(KitsuFind, TakesIdsAndNames) {
  EXPECT_EQ(found("4"), "4");
  EXPECT_EQ(found("aurora"), "2"); // exactly this one, though another differs by case alone
  EXPECT_EQ(found("SH_01"), "5");  // no wildcard
  EXPECT_EQ(found("sha01"), "6");
  EXPECT_EQ(found("WFA"), "7");
}

TEST(KitsuFind, SaysWhichThereAre) {
  const auto several = refused("Twin");
  EXPECT_EQ(several.first, errc::invalid_argument);
  EXPECT_NE(several.second.find("give its id: 3, 4"), std::string::npos) << several.second;
  EXPECT_EQ(refused("AURORA").first, errc::invalid_argument);
  const auto close = refused("Twinn");
  EXPECT_EQ(close.first, errc::not_found);
  EXPECT_NE(close.second.find("did you mean 'Twin'?"), std::string::npos) << close.second;
  EXPECT_NE(refused("quite else").second.find("\"SHA01\""), std::string::npos);
}

TEST(KitsuFind, KnowsIds) {
  EXPECT_TRUE(is_id("0f3c8d1e-5b1a-4c53-9d0e-2f6a7b8c9d0E"));
  EXPECT_FALSE(is_id("0f3c8d1e-5b1a-4c53-9d0e-2f6a7b8c9d0"));
  EXPECT_FALSE(is_id("0f3c8d1e-5b1a-4c53-9d0e-2f6a7b8c9d0/"));
  EXPECT_FALSE(is_id("0f3c8d1e25b1a-4c53-9d0e-2f6a7b8c9d0e"));
}

} // namespace
} // namespace weir::kitsu

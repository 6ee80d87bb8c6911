#include "core/support.hpp"

#include <weir/core/error.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

constexpr errc all[] = {errc::invalid_argument, errc::not_found,   errc::already_exists, errc::permission_denied,
                        errc::not_configured,   errc::unsupported, errc::too_large,      errc::corrupt,
                        errc::no_space,         errc::unavailable, errc::remote,         errc::job_failed,
                        errc::maybe_bought,     errc::timeout,     errc::deadlock,       errc::internal};

TEST(error, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (const errc code : all) names.insert(to_string(code));
  EXPECT_EQ(names.size(), std::size(all));
  EXPECT_EQ(to_string(errc::maybe_bought), "maybe_bought");
  EXPECT_EQ(to_string(errc::invalid_argument), "invalid_argument");
}

TEST(error, carries_code_text_and_status) {
  const error plain(errc::not_found, "no such clip");
  EXPECT_EQ(plain.code(), errc::not_found);
  EXPECT_STREQ(plain.what(), "no such clip");
  EXPECT_EQ(plain.status(), 0);
  EXPECT_EQ(error(errc::remote, "busy").with_status(503).status(), 503);
}

TEST(error, of_errno_says_what_and_why) {
  const error gone = errno_error(ENOENT, "clip.mp4");
  EXPECT_EQ(gone.code(), errc::not_found);
  EXPECT_STREQ(gone.what(), "clip.mp4: No such file or directory");
}

TEST(error, errno_values_map_to_codes) {
  const std::pair<int, errc> expected[] = {{ENOENT, errc::not_found},
                                           {EACCES, errc::permission_denied},
                                           {EPERM, errc::permission_denied},
                                           {ENOSPC, errc::no_space},
                                           {EDQUOT, errc::no_space},
                                           {EEXIST, errc::already_exists},
                                           {ENAMETOOLONG, errc::invalid_argument},
                                           {EINVAL, errc::invalid_argument},
                                           {ENOTDIR, errc::invalid_argument},
                                           {EISDIR, errc::invalid_argument},
                                           {ELOOP, errc::invalid_argument},
                                           {EXDEV, errc::invalid_argument},
                                           {EIO, errc::internal},
                                           {0, errc::internal}};
  for (const auto& [number, code] : expected) EXPECT_EQ(errno_error(number, "x").code(), code) << number;
}

TEST(cancelled, is_not_an_error) { EXPECT_FALSE((std::is_base_of_v<std::exception, cancelled>)); }

} // namespace

#include <weir/http/percent.hpp>

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(percent, only_unreserved_bytes_and_those_to_keep_stay) {
  EXPECT_EQ(percent_encoded("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encoded(" /?#%&=+\"\r\n"), "%20%2F%3F%23%25%26%3D%2B%22%0D%0A");
  EXPECT_EQ(percent_encoded("Zo\xC3\xAB \xFF"), "Zo%C3%AB%20%FF");
  EXPECT_EQ(percent_encoded(std::string_view("\0", 1)), "%00");
  EXPECT_EQ(percent_encoded("a/b c", "/"), "a/b%20c");
  EXPECT_EQ(percent_encoded(""), "");
}

} // namespace
} // namespace weir::http

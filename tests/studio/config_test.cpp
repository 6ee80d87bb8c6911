#include <weir/core/error.hpp>
#include <weir/studio/config.hpp>

#include <gtest/gtest.h>

#include <map>

using namespace weir;
using studio::choices;
using studio::config;
using studio::load_config;

namespace {

studio::environment variables(std::map<std::string, std::string> set) {
  return [set = std::move(set)](std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string(name));
    if (found == set.end()) return std::nullopt;
    return found->second;
  };
}

TEST(config, without_anything_it_uses_the_users_folders_and_the_embedded_provider) {
  const config c = load_config(variables({{"HOME", "/home/u"}}));
  EXPECT_EQ(c.media_dir, "/home/u/.local/share/weir/media");
  EXPECT_EQ(c.recovery_dir, "/home/u/.local/state/weir/recovery");
  EXPECT_EQ(c.provider, "slate");
  EXPECT_EQ(c.openai.base_url, "https://api.openai.com/v1");
  EXPECT_GE(c.max_image_jobs, 1u);
}

TEST(config, the_media_folder_has_an_order_of_precedence) {
  std::map<std::string, std::string> set{{"SANZARU_MEDIA_PATH", "/s"}, {"XDG_DATA_HOME", "/x"}};
  EXPECT_EQ(load_config(variables(set)).media_dir, "/s");
  set["WEIR_MEDIA_DIR"] = "/w";
  EXPECT_EQ(load_config(variables(set)).media_dir, "/w");
  EXPECT_EQ(load_config(variables(set), {.media_dir = "/f", .provider = ""}).media_dir, "/f");
  EXPECT_EQ(load_config(variables({{"XDG_DATA_HOME", "/x"}})).media_dir, "/x/weir/media");
}

TEST(config, a_key_chooses_openai_unless_somebody_says_otherwise) {
  std::map<std::string, std::string> set{{"OPENAI_API_KEY", "k"}};
  EXPECT_EQ(load_config(variables(set)).provider, "openai");
  set["WEIR_PROVIDER"] = "slate";
  EXPECT_EQ(load_config(variables(set)).provider, "slate");
  EXPECT_EQ(load_config(variables(set), {.media_dir = "", .provider = "openai"}).provider, "openai");
}

TEST(config, openai_is_read_as_the_sdks_read_it) {
  const config c = load_config(variables({{"OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/"},
                                          {"OPENAI_ORG_ID", "org"},
                                          {"OPENAI_PROJECT_ID", "proj"},
                                          {"OPENAI_CUSTOM_HEADERS", "X-One: 1\n\n X-Two :  two words \r\n"}}));
  EXPECT_EQ(c.openai.base_url, "http://127.0.0.1:8000/v1");
  EXPECT_EQ(c.openai.organization, "org");
  EXPECT_EQ(c.openai.project, "proj");
  const std::vector<std::pair<std::string, std::string>> expected{{"X-One", "1"}, {"X-Two", "two words"}};
  EXPECT_EQ(c.openai.headers, expected);
}

TEST(config, the_image_sandbox_has_a_flag_a_variable_and_a_default) {
  using media::isolation;
  EXPECT_EQ(load_config(variables({})).image_sandbox, isolation::best_effort);
  EXPECT_EQ(load_config(variables({})).image_sandbox_source, "the default");
  const config c = load_config(variables({{"WEIR_IMAGE_SANDBOX", "off"}}));
  EXPECT_EQ(c.image_sandbox, isolation::none);
  EXPECT_EQ(c.image_sandbox_source, "WEIR_IMAGE_SANDBOX");
  choices flag;
  flag.image_sandbox = "on";
  EXPECT_EQ(load_config(variables({{"WEIR_IMAGE_SANDBOX", "off"}}), flag).image_sandbox, isolation::required);
  flag.image_sandbox = "auto";
  EXPECT_EQ(load_config(variables({{"WEIR_IMAGE_SANDBOX", "off"}}), flag).image_sandbox, isolation::best_effort);
}

TEST(config, what_is_no_value_is_refused_by_name) {
  const auto refused = [](std::map<std::string, std::string> set, const std::string& name) {
    try {
      load_config(variables(std::move(set)));
      ADD_FAILURE() << name << " was taken";
    } catch (const error& failure) {
      EXPECT_EQ(failure.code(), errc::invalid_argument);
      EXPECT_NE(std::string(failure.what()).find(name), std::string::npos) << failure.what();
    }
  };
  refused({{"WEIR_PROVIDER", "nobody"}}, "WEIR_PROVIDER");
  refused({{"WEIR_IMAGE_SANDBOX", "yes"}}, "WEIR_IMAGE_SANDBOX");
  refused({{"OPENAI_BASE_URL", "ftp://x"}}, "OPENAI_BASE_URL");
  refused({{"OPENAI_CUSTOM_HEADERS", "no colon"}}, "OPENAI_CUSTOM_HEADERS");
}

} // namespace

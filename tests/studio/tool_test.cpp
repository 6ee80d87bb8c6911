#include <weir/json/value.hpp>
#include <weir/studio/config.hpp>
#include <weir/studio/tool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace weir;
using studio::all_tools;

namespace {

TEST(tools, have_the_names_that_prompts_rely_on) {
  const std::set<std::string> expected{
      "create_video", "get_video_status",    "download_video",   "list_videos",           "list_local_videos",
      "delete_video", "remix_video",         "cancel_video",     "generate_image",        "edit_image",
      "create_image", "get_image_status",    "download_image",   "list_reference_images", "prepare_reference_image",
      "wait_for",     "kitsu_list_projects", "kitsu_list_shots", "kitsu_list_tasks",      "kitsu_download_preview"};
  std::set<std::string> names;
  for (const auto& tool : all_tools()) EXPECT_TRUE(names.insert(tool.name).second) << tool.name;
  EXPECT_EQ(names, expected);
}

TEST(tools, have_closed_schemas_with_a_text_for_every_argument) {
  for (const auto& tool : all_tools()) {
    const json::object schema = json::schema(*tool.arguments, tool.title);
    EXPECT_EQ(schema.at("type"), "object") << tool.name;
    EXPECT_EQ(schema.at("additionalProperties"), false) << tool.name;
    EXPECT_FALSE(tool.description.empty()) << tool.name;
    EXPECT_LT(tool.description.size(), 2048u) << tool.name;
    for (const auto& field : tool.arguments->fields) EXPECT_FALSE(field.doc.empty()) << tool.name << "." << field.name;
    EXPECT_EQ(json::schema(*tool.results, "").at("type"), "object") << tool.name;
  }
}

TEST(tools, are_found_by_name_and_by_command) {
  ASSERT_NE(studio::find_tool("create_video"), nullptr);
  EXPECT_EQ(studio::find_command("video", "create"), studio::find_tool("create_video"));
  EXPECT_EQ(studio::find_tool("no_such_tool"), nullptr);
  EXPECT_EQ(studio::find_command("video", "no"), nullptr);
  std::set<std::pair<std::string, std::string>> commands;
  for (const auto& tool : all_tools()) {
    if (!tool.group.empty()) EXPECT_TRUE(commands.emplace(tool.group, tool.verb).second) << tool.name;
  }
}

TEST(tools, that_only_read_say_so) {
  for (const auto& tool : all_tools()) {
    const bool reads =
        tool.name.starts_with("get_") || tool.name.starts_with("list_") || tool.name.starts_with("kitsu_list_");
    EXPECT_EQ(tool.hints.read_only, reads) << tool.name;
    if (tool.name == "delete_video" || tool.name == "cancel_video") {
      EXPECT_TRUE(tool.hints.destructive) << tool.name;
    } else {
      EXPECT_FALSE(tool.hints.destructive) << tool.name;
    }
  }
}

TEST(tools, of_kitsu_are_listed_where_a_login_is_configured) {
  const auto with = [](std::map<std::string, std::string> variables) {
    variables["HOME"] = "/nonexistent";
    return studio::load_config([variables](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(std::string(name));
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  const auto listed = [](const studio::config& settings) {
    return static_cast<std::size_t>(
        std::count_if(all_tools().begin(), all_tools().end(),
                      [&](const studio::tool& tool) { return !tool.is_offered || tool.is_offered(settings); }));
  };
  EXPECT_EQ(listed(with({})), all_tools().size() - 4);
  EXPECT_EQ(listed(with({{"KITSU_HOST", "http://127.0.0.1:1"}, {"KITSU_TOKEN", "t"}})), all_tools().size());
  EXPECT_EQ(listed(with({{"KITSU_HOST", "http://127.0.0.1:1"}})), all_tools().size() - 4);
  EXPECT_EQ(listed(with({{"KITSU_HOST", "h"}, {"KITSU_EMAIL", "e"}, {"KITSU_PASSWORD", "p"}})), all_tools().size());
}

} // namespace

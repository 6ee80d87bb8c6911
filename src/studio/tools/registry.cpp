#include "studio/tools/tools.hpp"

#include <algorithm>
#include <iterator>

namespace weir::studio {

std::span<const tool> all_tools() {
  static const std::vector<tool> everything = [] {
    std::vector<tool> list;
    for (auto* family : {tools::video_tools, tools::download_tools, tools::wait_tools, tools::image_tools,
                         tools::image_job_tools, tools::prepare_tools, tools::local_tools, tools::kitsu_tools}) {
      auto some = family();
      std::move(some.begin(), some.end(), std::back_inserter(list));
    }
    return list;
  }();
  return everything;
}

const tool* find_tool(std::string_view name) noexcept {
  const auto list = all_tools();
  const auto found = std::find_if(list.begin(), list.end(), [&](const tool& t) { return t.name == name; });
  return found == list.end() ? nullptr : &*found;
}

const tool* find_command(std::string_view group, std::string_view verb) noexcept {
  const auto list = all_tools();
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const tool& t) { return t.group == group && t.verb == verb; });
  return found == list.end() ? nullptr : &*found;
}

} // namespace weir::studio

#pragma once

#include <weir/studio/tool.hpp>

#include <vector>

/// The tools by family; `all_tools` puts them in order.
namespace weir::studio::tools {

std::vector<tool> video_tools();
std::vector<tool> download_tools();
std::vector<tool> local_tools();
std::vector<tool> image_tools();
std::vector<tool> image_job_tools();
std::vector<tool> prepare_tools();
std::vector<tool> wait_tools();
std::vector<tool> kitsu_tools();

} // namespace weir::studio::tools

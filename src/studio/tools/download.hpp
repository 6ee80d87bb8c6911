#pragma once

#include <weir/jobs/job.hpp>
#include <weir/providers/video.hpp>
#include <weir/studio/tool.hpp>

#include <optional>
#include <string>

namespace weir::studio::tools {

/// Saves the result of a finished job: under `asked`, or its default name. Fails: errc::job_failed where there is none.
task<produced_file> save_video(call& run, const jobs::job& job, std::optional<std::string> asked,
                               providers::video_variant variant);
task<produced_file> save_image(call& run, const jobs::job& job, std::optional<std::string> asked);

} // namespace weir::studio::tools

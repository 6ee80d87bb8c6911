#pragma once

#include <weir/jobs/job.hpp>
#include <weir/providers/image.hpp>
#include <weir/studio/studio.hpp>
#include <weir/studio/tool.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What several tools share.
namespace weir::studio::tools {

/// Opens a picture that goes into a request: JPEG, PNG or WebP by its bytes, no larger than the setting.
/// Fails: errc::unsupported for other bytes, too_large, and as files::root::open_read.
task<providers::input_file> open_picture(call& run, std::string name);
task<std::vector<providers::input_file>> open_pictures(call& run, const std::vector<std::string>& names);
/// Opens a mask: a PNG. Fails: as open_picture; errc::invalid_argument for another format.
task<std::optional<providers::input_file>> open_mask(call& run, const std::optional<std::string>& name);

/// Returns the job that the caller calls `handle`; one that the table does not know is asked for at the configured
/// provider and taken into the table. `kind` is "video" or "image". Fails: errc::not_found, invalid_argument.
task<jobs::job> job_for(studio& in, std::string handle, std::string kind);

/// Fails: errc::not_configured with what `maker` lacks.
void require_ready(const providers::provider& maker);

/// Returns "size" of a picture file as [width, height] and its format by its bytes ("png", "jpeg", "webp").
struct picture_facts {
  std::vector<int> size;
  std::string format;
};
/// Fails: errc::corrupt where the file is no picture.
task<picture_facts> facts_of(call& run, const produced_file& file);

/// The bytes and the digest of a file, for the end of a result's object.
void add_digest(json::object& result, const produced_file& file);

/// Seconds since 1970.
std::int64_t unix_now();

/// `filename`, with an explanation that belongs to every tool that writes.
inline constexpr const char* output_note =
    "Output file name; without it a default name is used. A name that is taken gets a number: nothing is overwritten.";

} // namespace weir::studio::tools

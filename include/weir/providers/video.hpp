#pragma once

#include <weir/files/root.hpp>
#include <weir/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who makes the media: one interface, several makers.
namespace weir::providers {

/// A local file that goes into a request: open, checked to be regular, of a known kind.
struct input_file {
  std::string name;                        ///< as the user named it; what goes over the wire is its last part
  std::string mime_type;                   ///< by its bytes
  std::shared_ptr<const files::file> file; ///< read by offset, so that it may be used again
};

/// How a video comes about.
enum class video_operation { create, remix, edit, extend };

/// What is wanted. Strings that only a provider can judge (model, size, seconds) are passed on as they are.
struct video_request {
  video_operation operation = video_operation::create;
  std::string prompt;
  std::string model; ///< empty: the provider's own default
  std::optional<std::string> seconds;
  std::optional<std::string> size; ///< "WIDTHxHEIGHT"
  std::optional<input_file> reference;
  std::string source_id;              ///< the video that is remixed, edited or extended
  json::object extra;                 ///< fields that only this provider knows
  std::optional<double> max_cost_usd; ///< refuse above it, where the provider can tell a price
  bool dry_run = false;               ///< check and price, do not buy
  std::string idempotency_key;        ///< the same for every repetition of one purchase
};

/// A job that makes a video, as its provider tells it.
struct video_job {
  std::string id;
  std::string status;  ///< queued, in_progress, completed, failed; a provider may have more
  double progress = 0; ///< percent
  std::string model;
  std::string prompt;
  std::string size;
  std::string seconds;
  std::int64_t created_at = 0; ///< Unix seconds
  std::optional<std::int64_t> completed_at;
  std::optional<std::int64_t> expires_at;
  std::optional<std::string> remixed_from_video_id;
  std::optional<std::string> error_code;
  std::optional<std::string> error_message;
  std::chrono::milliseconds poll_after{0}; ///< when the provider wants to be asked again; 0: it did not say
};

/// Whether nothing more will happen to a job with this status. An unknown word is not final.
bool is_final_status(std::string_view status) noexcept;

enum class video_variant { video, thumbnail, spritesheet };

/// A page of a provider's list of videos.
struct video_page {
  std::vector<video_job> videos;
  bool has_more = false;
};

} // namespace weir::providers

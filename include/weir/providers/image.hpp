#pragma once

#include <weir/providers/video.hpp>

#include <cstddef>
#include <functional>
#include <span>

namespace weir::providers {

/// Takes the bytes of a picture as they come. Called on pool threads, one call at a time, in order; it may block.
using byte_sink = std::function<void(std::span<const std::byte>)>;

/// A picture that is wanted now: made from a prompt, or by editing `inputs`.
struct image_request {
  std::string prompt;
  std::string model;
  std::string size = "auto"; ///< "WIDTHxHEIGHT" or "auto"
  std::string quality = "auto";
  std::string background = "auto";
  std::string output_format = "png"; ///< png, jpeg or webp
  std::optional<std::string> moderation;
  std::optional<std::string> input_fidelity;
  std::vector<input_file> inputs; ///< empty: generate; else edit
  std::optional<input_file> mask;
  std::string idempotency_key;
};

/// What came with a finished picture.
struct image_outcome {
  std::string model;
  json::value usage; ///< null where the provider tells nothing
  std::string revised_prompt;
};

/// A picture made as a background job by a driving model.
struct image_job_request {
  std::string prompt;
  std::string model;
  json::object tool_config; ///< the image tool's settings: action, background, model, size, quality, ...
  std::optional<std::string> previous_response_id;
  std::vector<input_file> inputs;
  std::optional<input_file> mask;
  std::string idempotency_key;
};

/// The state of such a job.
struct image_job {
  std::string id;
  std::string status; ///< queued, in_progress, completed, failed, cancelled, incomplete, unknown
  double created_at = 0;
  bool has_image = false; ///< completed, and there is a picture to download
  std::optional<std::string> error_code;
  std::optional<std::string> error_message; ///< why there is no picture: the failure, or the refusal's text
  std::chrono::milliseconds poll_after{0};  ///< when the provider wants to be asked again; 0: it did not say
};

} // namespace weir::providers

#pragma once

#include "providers/openai_wire.hpp"

#include <weir/providers/openai.hpp>

#include <deque>
#include <map>

namespace weir::providers::openai {

/// The calls of provider.hpp on OpenAI's wire.
class openai_provider final : public provider {
 public:
  explicit openai_provider(openai_options options) : wire_(std::move(options)) {}

  std::string_view name() const noexcept override { return "openai"; }
  capabilities can() const noexcept override;
  std::string missing() const override { return wire_.missing(); }
  std::vector<std::string> known_video_models() const override;
  std::vector<std::string> known_image_models() const override;

  task<video_job> create_video(video_request request) override;
  task<video_job> get_video(std::string id) override;
  task<video_page> list_videos(int limit, std::optional<std::string> after, bool descending) override;
  task<void> delete_video(std::string id) override;
  task<video_job> cancel_video(std::string id) override;
  task<std::string> download_video(std::string id, video_variant variant, http::download_target& target,
                                   byte_progress progress) override;

  task<image_outcome> make_image(image_request request, byte_sink sink) override;
  task<image_job> create_image(image_job_request request) override;
  task<image_job> get_image(std::string id) override;
  task<image_job> cancel_image(std::string id) override;
  task<image_outcome> download_image(std::string id, byte_sink sink) override;

 private:
  task<video_job> video_call(http::client_request request, purpose why);
  task<image_job> response_call(http::client_request request, purpose why);
  void remember(const image_job& job);

  wire wire_;
  // A finished job's answer holds its picture: it is not fetched for its state again.
  std::map<std::string, image_job, std::less<>> finished_;
  std::deque<std::string> finished_order_;
};

} // namespace weir::providers::openai

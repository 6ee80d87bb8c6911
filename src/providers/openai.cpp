#include "providers/openai_provider.hpp"

#include <weir/providers/openai.hpp>

namespace weir::providers {
namespace openai {

capabilities openai_provider::can() const noexcept {
  return {.create_video = true,
          .remix_video = true,
          .list_videos = true,
          .delete_video = true,
          .cancel_video = true,
          .thumbnail = true,
          .spritesheet = true,
          .generate_image = true,
          .edit_image = true,
          .create_image = true,
          .cancel_image = true,
          .costs_money = true};
}

std::vector<std::string> openai_provider::known_video_models() const { return {"sora-2", "sora-2-pro"}; }

std::vector<std::string> openai_provider::known_image_models() const {
  return {"gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-1.5"};
}

} // namespace openai

std::unique_ptr<provider> make_openai(openai_options options) {
  return std::make_unique<openai::openai_provider>(std::move(options));
}

} // namespace weir::providers

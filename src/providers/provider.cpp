#include <weir/core/error.hpp>
#include <weir/providers/provider.hpp>

#include <array>

namespace weir::providers {

bool is_final_status(std::string_view status) noexcept {
  constexpr std::array final_words{"completed", "failed", "cancelled", "canceled", "incomplete", "expired"};
  for (const std::string_view word : final_words)
    if (status == word) return true;
  return false;
}

void provider::cannot(std::string_view what) const {
  throw error(errc::unsupported, "the provider " + std::string(name()) + " cannot " + std::string(what) +
                                     "; choose another one with --provider or WEIR_PROVIDER");
}

task<void> provider::serve() { co_return; }

task<video_job> provider::create_video(video_request request) {
  switch (request.operation) {
  case video_operation::create:
    cannot("create videos");
  case video_operation::remix:
    cannot("remix videos");
  case video_operation::edit:
    cannot("edit videos");
  case video_operation::extend:
    cannot("extend videos");
  }
  co_return video_job{};
}

task<video_job> provider::get_video(std::string) {
  cannot("make videos");
  co_return video_job{};
}

task<video_page> provider::list_videos(int, std::optional<std::string>, bool) {
  cannot("list videos");
  co_return video_page{};
}

task<void> provider::delete_video(std::string) {
  cannot("delete videos");
  co_return;
}

task<video_job> provider::cancel_video(std::string) {
  cannot("cancel a video once it has been ordered");
  co_return video_job{};
}

task<std::string> provider::download_video(std::string, video_variant, http::download_target&, byte_progress) {
  cannot("make videos");
  co_return std::string();
}

task<image_outcome> provider::make_image(image_request request, byte_sink) {
  cannot(request.inputs.empty() ? "generate images" : "edit images");
  co_return image_outcome{};
}

task<image_job> provider::create_image(image_job_request) {
  cannot("make images in the background");
  co_return image_job{};
}

task<image_job> provider::get_image(std::string) {
  cannot("make images in the background");
  co_return image_job{};
}

task<image_job> provider::cancel_image(std::string) {
  cannot("cancel an image once it has been ordered");
  co_return image_job{};
}

task<image_outcome> provider::download_image(std::string, byte_sink) {
  cannot("make images in the background");
  co_return image_outcome{};
}

} // namespace weir::providers

// A view that makes a thumbnail: decoding and scaling take a core, so they go elsewhere. `generate_thumbnail` is a
// plain function of values and gives a value: that is all that another thread, or another process, needs.
#include "blocking_http.hpp"

#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/media/image_info.hpp>
#include <weir/media/png_write.hpp>
#include <weir/media/prepare.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace {

struct size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

weir::media::byte_sink append_to(std::string& file) {
  return [&file](std::span<const std::byte> piece) {
    file.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  };
}

std::string generate_thumbnail(const std::string& image, size wanted) {
  const auto source = weir::media::image_source::from_bytes(std::as_bytes(std::span(image)));
  std::string png;
  weir::media::prepare_image(
      source, {.width = wanted.width, .height = wanted.height, .mode = weir::media::resize_mode::pad}, append_to(png));
  return png;
}

weir::task<void> thumbnail_endpoint(weir::http::request& request, weir::http::responder& respond) {
  std::string thumbnail = co_await weir::run_in_threadpool(generate_thumbnail, std::move(request.body), size{128, 128});
  co_await respond.send({.headers = {{"Content-Type", "image/png"}}, .body = std::move(thumbnail)});
}

std::string picture() { // 640 x 360, a slope of grey
  std::vector<std::uint8_t> pixels(640 * 360 * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3 % 640 * 255 / 639);
  std::string png;
  weir::media::write_png(640, 360, pixels, append_to(png));
  return png;
}

weir::task<bool> example() {
  weir::http::server server({});
  server.route("POST", "/thumbnail", thumbnail_endpoint);
  co_return co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<bool> {
    group.spawn(server.serve(), "server");
    const std::string answer =
        co_await weir::run_in_threadpool(blocking_http, server.port(), "POST", "/thumbnail", picture());
    server.stop();
    const auto info = weir::media::probe_image(std::as_bytes(std::span(answer)));
    if (!info) co_return false;
    std::printf("%zu bytes, %u x %u\n", answer.size(), info->width, info->height);
    co_return info->format == weir::media::image_format::png && info->width == 128 && info->height == 128;
  });
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

// A view that makes a thumbnail of what a stranger has sent. The decoder runs in a process that can reach neither files
// nor network, with a bound for its time and memory: a picture that is made to break it ends that one call.
#include "blocking_http.hpp"

#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/media/image_info.hpp>
#include <weir/media/png_write.hpp>
#include <weir/media/prepare.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

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

weir::process_options shut_in() {
  weir::sandbox_options sandbox;
  sandbox.memory_limit_bytes = 512 << 20;
  sandbox.required = weir::probe_sandbox().sufficient(); // a server would insist on it
  return {.deadline = 30s, .sandbox = sandbox};
}

weir::task<void> thumbnail_endpoint(weir::http::request& request, weir::http::responder& respond) {
  std::string thumbnail, problem;
  try {
    thumbnail =
        co_await weir::run_in_processpool(shut_in(), generate_thumbnail, std::move(request.body), size{128, 128});
  } catch (const weir::process_error&) { // the decoder crashed, hung, or wanted too much
    problem = "this picture cannot be decoded safely\n";
  } catch (const weir::error& e) { // it is no picture
    problem = std::string(e.what()) + "\n";
  }
  if (problem.empty())
    co_await respond.send({.headers = {{"Content-Type", "image/png"}}, .body = std::move(thumbnail)});
  else
    co_await respond.send({.status = 422, .body = std::move(problem)});
}

std::string picture() { // 640 x 360, a slope of grey
  std::vector<std::uint8_t> pixels(640 * 360 * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3 % 640 * 255 / 639);
  std::string png;
  weir::media::write_png(640, 360, pixels, append_to(png));
  return png;
}

weir::task<bool> is_refused(std::uint16_t port, std::string body) {
  try {
    co_await weir::run_in_threadpool(blocking_http, port, "POST", "/thumbnail", std::move(body));
  } catch (const weir::error& e) {
    std::printf("%s\n", e.what());
    co_return std::string(e.what()).find(" 422 ") != std::string::npos;
  }
  co_return false;
}

weir::task<bool> example() {
  weir::http::server server({});
  server.route("POST", "/thumbnail", thumbnail_endpoint);
  co_return co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<bool> {
    group.spawn(server.serve(), "server");
    const bool refused = co_await is_refused(server.port(), picture().substr(0, 200));
    const std::string answer =
        co_await weir::run_in_threadpool(blocking_http, server.port(), "POST", "/thumbnail", picture());
    server.stop();
    const auto info = weir::media::probe_image(std::as_bytes(std::span(answer)));
    if (!info) co_return false;
    std::printf("%zu bytes, %u x %u\n", answer.size(), info->width, info->height);
    co_return refused && info->format == weir::media::image_format::png && info->width == 128 && info->height == 128;
  });
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timeout.hpp>
#include <weir/media/decoding.hpp>
#include <weir/media/encode.hpp>
#include <weir/offload/processpool.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

using namespace std::chrono_literals;
using namespace weir;
using namespace weir::media;

namespace {

using bytes = std::vector<std::byte>;

byte_sink into(bytes& all) {
  return [&all](std::span<const std::byte> piece) { all.insert(all.end(), piece.begin(), piece.end()); };
}

std::shared_ptr<const files::file> file_of(const bytes& content) {
  auto made = std::make_shared<files::file>();
  made->fd = unique_fd(::memfd_create("picture", MFD_CLOEXEC));
  EXPECT_EQ(::write(made->fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return made;
}

bytes picture(std::uint32_t width, std::uint32_t height) {
  std::vector<std::uint8_t> rgb(std::size_t{width} * height * 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * 7 + i / (width * 3) * 3);
  bytes all;
  write_png(width, height, rgb, into(all));
  return all;
}

prepare_options to(std::uint32_t width, std::uint32_t height, resize_mode mode = resize_mode::crop) {
  prepare_options options;
  options.width = width;
  options.height = height;
  options.mode = mode;
  return options;
}

constexpr decoding_options in_worker{.where = isolation::best_effort};
constexpr decoding_options in_threads{.where = isolation::none};

/// What the error of preparing `content` says.
task<std::pair<errc, std::string>> refusal(decoding_options how, bytes content, prepare_options options) {
  bytes written;
  try {
    co_await prepare_image_apart(how, file_of(content), "a b.png", options, into(written));
  } catch (const error& failure) {
    EXPECT_TRUE(written.empty());
    co_return std::pair(failure.code(), std::string(failure.what()));
  }
  ADD_FAILURE() << "no error";
  co_return std::pair(errc::internal, std::string());
}

TEST(decoding, a_worker_gives_the_bytes_that_a_thread_gives) {
  run([]() -> task<void> {
    const auto file = file_of(picture(301, 203));
    for (const auto mode : {resize_mode::crop, resize_mode::pad, resize_mode::rescale})
      for (const auto& [width, height] : {std::pair(1u, 1u), std::pair(64u, 200u), std::pair(900u, 31u)}) {
        bytes apart, here;
        const auto a = co_await prepare_image_apart(in_worker, file, "x", to(width, height, mode), into(apart));
        const auto b = co_await prepare_image_apart(in_threads, file, "x", to(width, height, mode), into(here));
        EXPECT_EQ(apart, here);
        EXPECT_EQ(a.output_bytes, apart.size());
        EXPECT_EQ(a.output_bytes, b.output_bytes);
        EXPECT_EQ(a.source.width, b.source.width);
        EXPECT_EQ(a.source.height, b.source.height);
        EXPECT_EQ(co_await prepare_pixels_apart(in_worker, file, "x", to(width, height, mode)),
                  co_await prepare_pixels_apart(in_threads, file, "x", to(width, height, mode)));
      }
    EXPECT_GT(processpool_counters().started, 0u);
  }());
}

TEST(decoding, threads_start_no_process) {
  run([]() -> task<void> {
    co_await prepare_pixels_apart(in_threads, file_of(picture(9, 9)), "x", to(3, 3));
    EXPECT_EQ(processpool_counters().started, 0u);
  }());
}

TEST(decoding, errors_are_those_of_a_thread) {
  run([]() -> task<void> {
    const bytes good = picture(300, 200);
    auto small = to(32, 32);
    small.max_pixels = 100;
    auto short_file = to(32, 32);
    short_file.max_file_bytes = 100;
    bytes flipped = good;
    flipped[60] ^= std::byte{0xff};
    const bytes half(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2));
    const std::vector<std::pair<bytes, prepare_options>> all{
        {{}, to(32, 32)},   {bytes(5000, std::byte{'a'}), to(32, 32)},
        {half, to(32, 32)}, {flipped, to(32, 32)},
        {good, small},      {good, short_file},
        {good, to(0, 7)},   {good, to(9000, 7)}};
    for (const auto& [content, options] : all)
      EXPECT_EQ(co_await refusal(in_worker, content, options), co_await refusal(in_threads, content, options));
  }());
}

TEST(decoding, a_deadline_and_a_memory_limit_are_errors_about_the_picture) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer's memory cannot be limited";
#endif
#endif
  run([]() -> task<void> {
    const auto late = co_await refusal({.deadline = 1ns}, picture(300, 200), to(32, 32));
    EXPECT_EQ(late.first, errc::timeout);
    EXPECT_TRUE(late.second.starts_with("a b.png: ")) << late.second;
  }());
  run([]() -> task<void> {
    bytes frame; // WebP is decoded as a whole: 24 MB
    encode_image(std::vector<std::uint8_t>(3000 * 2000 * 3), 3000, 2000, image_format::webp, into(frame));
    const auto large = co_await refusal({.max_memory_bytes = 16 << 20}, frame, to(32, 32));
    EXPECT_EQ(large.first, errc::too_large) << large.second;
    EXPECT_TRUE(large.second.starts_with("a b.png: ")) << large.second;
  }());
}

TEST(decoding, each_picture_has_a_process_of_its_own) {
  run([]() -> task<void> {
    const auto file = file_of(picture(30, 30));
    std::vector<task<rgb_image>> all;
    for (int i = 0; i < 12; ++i) all.push_back(prepare_pixels_apart(in_worker, file, "x", to(8, 8)));
    const auto images = co_await gather(std::move(all));
    for (const auto& image : images) EXPECT_EQ(image, images.front());
    EXPECT_GE(processpool_counters().recycled, 12u);
    EXPECT_EQ(processpool_counters().died, 0u);
  }());
}

TEST(decoding, cancellation_kills_the_worker) {
  run([]() -> task<void> {
    const auto file = file_of(picture(2500, 2500));
    const auto begin = clock::now();
    EXPECT_FALSE((co_await move_on_after(20ms, prepare_pixels_apart(in_worker, file, "x", to(8, 8)))).has_value());
    EXPECT_LT(clock::now() - begin, 10s);
    EXPECT_EQ(processpool_counters().busy, 0u);
    EXPECT_FALSE((co_await prepare_pixels_apart(in_worker, file_of(picture(9, 9)), "x", to(3, 3))).empty());
  }());
}

} // namespace

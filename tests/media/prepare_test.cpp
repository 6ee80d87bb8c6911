#include "media/image_files.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/encode.hpp>
#include <weir/media/prepare.hpp>

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace {

using namespace weir::media;
using namespace weir::media::testing;
using namespace std::chrono_literals;

bytes text(std::string_view value) {
  bytes out(value.size());
  std::memcpy(out.data(), value.data(), value.size());
  return out;
}

/// The error that preparing `file` ends with; nothing is to reach the sink of a refused file.
weir::error failure(std::span<const std::byte> file, const prepare_options& options = {}) {
  try {
    prepare_image(image_source::from_bytes(file, "shot.png"), options, [](auto) {});
  } catch (const weir::error& e) {
    EXPECT_EQ(std::string_view(e.what()).substr(0, 8), "shot.png") << e.what();
    return e;
  }
  ADD_FAILURE() << "accepted";
  return {weir::errc::internal, "accepted"};
}

bytes jpeg(std::uint32_t width, std::uint32_t height) {
  bytes out;
  encode_image(smooth_pixels(width, height), width, height, image_format::jpeg, into(out));
  return out;
}

TEST(prepare, tells_what_it_got_and_wrote) {
  bytes png;
  const auto result = prepare_image(image_source::from_bytes(data_file("orientation6.jpg")),
                                    target(128, 72, resize_mode::pad), into(png));
  EXPECT_EQ(result.source.format, image_format::jpeg);
  EXPECT_EQ(result.source.width, 96U);
  EXPECT_EQ(result.source.height, 50U);
  EXPECT_EQ(result.source.orientation, 6);
  EXPECT_EQ(result.width, 128U);
  EXPECT_EQ(result.height, 72U);
  EXPECT_EQ(result.mode, resize_mode::pad);
  EXPECT_EQ(result.output_bytes, png.size());
  const picture out = decode(png);
  EXPECT_EQ(out.width, 128U);
  EXPECT_EQ(out.height, 72U);
  EXPECT_EQ(out.rgb[0], 0); // the padding
}

TEST(prepare, reads_a_descriptor_like_bytes_and_leaves_its_position) {
  for (const char* name : {"plain.jpg", "rgba.png", "alpha.webp"}) {
    const int fd = ::open(data_path(name).c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ::lseek(fd, 7, SEEK_SET);
    bytes png;
    prepare_image(image_source::from_fd(fd, name), target(64, 64), into(png));
    EXPECT_EQ(::lseek(fd, 0, SEEK_CUR), 7);
    ::close(fd);
    EXPECT_EQ(png, prepare(data_file(name), target(64, 64))) << name;
  }
}

TEST(prepare, refuses_what_is_no_regular_file) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int folder = ::open("/", O_RDONLY | O_DIRECTORY);
  for (const int fd : {ends[0], folder}) {
    try {
      prepare_image(image_source::from_fd(fd, "fifo"), {}, [](auto) {});
      ADD_FAILURE();
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::invalid_argument);
    }
  }
  for (const int fd : {ends[0], ends[1], folder}) ::close(fd);
}

TEST(prepare, names_formats_that_it_does_not_take) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"GIF89a\x01\x00", "a GIF image"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "an SVG drawing"},
      {"just a note", "text"},
  };
  for (const auto& [content, what] : table) {
    const auto e = failure(text(content));
    EXPECT_EQ(e.code(), weir::errc::unsupported);
    EXPECT_NE(std::string_view(e.what()).find(what), std::string_view::npos) << e.what();
    EXPECT_NE(std::string_view(e.what()).find("JPEG, PNG and WebP"), std::string_view::npos) << e.what();
  }
  EXPECT_EQ(failure({}).code(), weir::errc::corrupt);
}

TEST(prepare, refuses_targets_out_of_range) {
  const auto file = data_file("rgb.png");
  for (const auto& options : {target(0, 10), target(10, 0), target(8193, 10), target(10, 8193)}) {
    try {
      prepare(file, options);
      ADD_FAILURE();
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::invalid_argument);
    }
  }
}

TEST(prepare, truncated_files_are_corrupt) {
  for (const char* name : {"rgb.png", "rgb_adam7.png", "palette4.png", "plain.jpg", "progressive.jpg", "cmyk.jpg",
                           "lossy.webp", "lossless.webp", "alpha.webp", "animated.webp"}) {
    const auto file = data_file(name);
    for (const int percent : {20, 50, 80, 95}) {
      const auto part = std::span(file).first(file.size() * static_cast<std::size_t>(percent) / 100);
      EXPECT_EQ(failure(part, target(128, 72)).code(), weir::errc::corrupt) << name << " " << percent << " %";
    }
  }
}

TEST(prepare, a_jpeg_without_its_end_marker_only_is_taken) {
  const auto file = data_file("plain.jpg");
  const bytes cut(file.begin(), file.end() - 2);
  EXPECT_EQ(prepare(cut, target(64, 36)), prepare(file, target(64, 36)));
}

TEST(prepare, damage_in_the_middle_is_noticed_unless_lenient) {
  const auto file = data_file("fine.jpg");
  auto options = target(64, 36);
  int noticed = 0;
  for (std::size_t at = file.size() / 2; at < file.size() / 2 + 400; at += 40) {
    auto damaged = file;
    for (std::size_t i = 0; i < 40; ++i) damaged[at + i] = std::byte{0x55};
    options.lenient = false;
    try {
      prepare(damaged, options);
    } catch (const weir::error& e) {
      noticed += e.code() == weir::errc::corrupt;
    }
    options.lenient = true;
    EXPECT_NO_THROW(prepare(damaged, options));
  }
  // What happens to decode to the right number of blocks cannot be noticed.
  EXPECT_GE(noticed, 5);
  options.lenient = true;
  EXPECT_NO_THROW(prepare(bytes(file.begin(), file.begin() + static_cast<long>(file.size() / 2)), options));
  auto png = data_file("rgb.png");
  png[png.size() / 2] ^= std::byte{4};
  EXPECT_EQ(failure(png).code(), weir::errc::corrupt);
}

TEST(prepare, a_header_that_decoders_read_differently_is_corrupt) {
  // Behind its pixels a second frame header; before them a contradicting one.
  auto file = data_file("plain.jpg");
  for (std::size_t at = 2; at + 9 < file.size(); ++at)
    if (file[at] == std::byte{0xff} && file[at + 1] == std::byte{0xc0}) {
      bytes twice(file.begin(), file.begin() + static_cast<long>(at));
      twice.insert(twice.end(), file.begin() + static_cast<long>(at), file.begin() + static_cast<long>(at) + 19);
      twice.insert(twice.end(), file.begin() + static_cast<long>(at), file.end());
      EXPECT_EQ(failure(twice).code(), weir::errc::corrupt);
      return;
    }
  FAIL() << "no frame header found";
}

TEST(prepare, cancellation_comes_through_quickly_in_every_decoder) {
  const auto big = jpeg(3000, 2000);
  bytes webp;
  encode_image(smooth_pixels(1500, 1000), 1500, 1000, image_format::webp, into(webp));
  bytes png;
  encode_image(smooth_pixels(2000, 1500), 2000, 1500, image_format::png, into(png));
  for (const bytes* file : {&big, static_cast<const bytes*>(&webp), static_cast<const bytes*>(&png)}) {
    std::stop_source stop;
    stop.request_stop();
    int called = 0;
    EXPECT_THROW(
        prepare_image(image_source::from_bytes(*file), {}, [&](auto) { ++called; }, stop.get_token()), weir::cancelled);
    EXPECT_EQ(called, 0);
    // From within: the first bytes of output come long before the last row of input.
    std::stop_source later;
    std::chrono::steady_clock::time_point asked;
    std::jthread watcher([&] {
      std::this_thread::sleep_for(3ms);
      asked = std::chrono::steady_clock::now();
      later.request_stop();
    });
    auto options = target(8192, 8192);
    EXPECT_THROW(
        prepare_image(image_source::from_bytes(*file), options, [](auto) {}, later.get_token()), weir::cancelled);
    const auto done = std::chrono::steady_clock::now();
    watcher.join();
    EXPECT_LT(done - asked, 2s);
  }
}

TEST(prepare, the_sinks_failure_passes_through) {
  struct full {};
  for (const char* name : {"large.jpg", "rgb_adam7.png", "lossless.webp"})
    EXPECT_THROW(
        prepare_image(image_source::from_bytes(data_file(name)), target(8192, 4000), [](auto) { throw full{}; }), full);
}

TEST(prepare, many_at_once_give_the_same) {
  const auto file = data_file("large.jpg");
  const auto alone = prepare(file, target(320, 180));
  std::vector<bytes> results(6);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = prepare(file, target(320, 180)); });
  }
  for (const auto& result : results) EXPECT_EQ(result, alone);
}

} // namespace

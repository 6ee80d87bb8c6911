#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/media/animatic.hpp>
#include <weir/media/slate.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <media/zoom_frames.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace weir::media;
using weir::errc;

rgb_image card(std::uint32_t width, std::uint32_t height) {
  slate_options options;
  options.text = "A lighthouse keeper's cat watches a thunderstorm roll in over a slate-grey sea";
  options.footer = {"slate"};
  options.width = width;
  options.height = height;
  return render_slate(options);
}

weir::unique_fd nameless_file() {
  const char* folder = std::getenv("TMPDIR");
  weir::unique_fd fd(::open(folder != nullptr ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) fd.reset(::memfd_create("film", MFD_CLOEXEC));
  return fd;
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer;
  while (std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
  ::pclose(pipe);
  return text;
}

// What ffprobe says about one thing, for example "stream=codec_name".
std::string probe(int fd, const std::string& what, const std::string& more = "") {
  std::string text = output_of("ffprobe -v error -select_streams v:0 " + more + " -show_entries " + what +
                               " -of default=noprint_wrappers=1:nokey=1 /proc/" + std::to_string(::getpid()) + "/fd/" +
                               std::to_string(fd));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<pid_t> children_of_this_process() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line == "PPid:\t" + std::to_string(::getpid())) found.push_back(std::stoi(name));
  }
  return found;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// Sets a variable for one test.
class environment {
 public:
  environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value, 1);
  }
  ~environment() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

animatic_options film(std::uint32_t width, std::uint32_t height, double seconds, int fd) {
  animatic_options options;
  options.card = card(width, height);
  options.length = std::chrono::duration<double>(seconds);
  options.output_fd = fd;
  return options;
}

void expect_error(animatic_options options, errc code, std::string_view part) {
  try {
    weir::run(make_animatic(std::move(options)));
    ADD_FAILURE() << "no error; expected: " << part;
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_NE(std::string_view(e.what()).find(part), std::string_view::npos) << e.what();
  }
  EXPECT_TRUE(children_of_this_process().empty());
}

TEST(animatic, makes_a_film_that_players_like) {
  const weir::unique_fd fd = nameless_file();
  ASSERT_TRUE(fd);
  std::vector<double> parts;
  animatic_options options = film(320, 180, 2.5, fd.get());
  options.on_progress = [&](double part) { parts.push_back(part); };
  const animatic_result result = weir::run(make_animatic(std::move(options)));
  EXPECT_EQ(result.width, 320U);
  EXPECT_EQ(result.height, 180U);
  EXPECT_EQ(result.frames, 60U);
  EXPECT_DOUBLE_EQ(result.length.count(), 2.5);
  struct stat status{};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_EQ(result.size_bytes, static_cast<std::uint64_t>(status.st_size));
  EXPECT_GT(result.size_bytes, 1000U);

  EXPECT_EQ(probe(fd.get(), "stream=codec_name"), "h264");
  EXPECT_EQ(probe(fd.get(), "stream=profile"), "High");
  EXPECT_EQ(probe(fd.get(), "stream=pix_fmt"), "yuv420p");
  EXPECT_EQ(probe(fd.get(), "stream=width"), "320");
  EXPECT_EQ(probe(fd.get(), "stream=height"), "180");
  EXPECT_EQ(probe(fd.get(), "stream=avg_frame_rate"), "24/1");
  EXPECT_EQ(probe(fd.get(), "stream=color_space"), "bt709");
  EXPECT_EQ(probe(fd.get(), "stream=nb_read_frames", "-count_frames"), "60");
  EXPECT_NEAR(std::stod(probe(fd.get(), "format=duration")), 2.5, 0.001);

  // The index stands in front of the pictures.
  std::string start(200'000, '\0');
  start.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(fd.get(), start.data(), start.size(), 0))));
  ASSERT_NE(start.find("moov"), std::string::npos);
  EXPECT_LT(start.find("moov"), start.find("mdat"));

  ASSERT_FALSE(parts.empty());
  EXPECT_TRUE(std::is_sorted(parts.begin(), parts.end()));
  EXPECT_EQ(std::count(parts.begin(), parts.end(), 1.0), 1);
  EXPECT_EQ(parts.back(), 1.0);
  EXPECT_TRUE(children_of_this_process().empty());
}

TEST(animatic, shows_the_card_with_its_colours_and_moves) {
  const weir::unique_fd fd = nameless_file();
  animatic_options options = film(320, 180, 1, fd.get());
  options.timecode = false;
  const rgb_image shown = options.card;
  const animatic_result result = weir::run(make_animatic(std::move(options)));
  const std::string raw = output_of("ffmpeg -v error -i /proc/" + std::to_string(::getpid()) + "/fd/" +
                                    std::to_string(fd.get()) + " -f rawvideo -pix_fmt rgb24 -");
  ASSERT_EQ(raw.size(), std::size_t{320} * 180 * 3 * result.frames);
  const auto difference = [&](std::uint32_t frame, const rgb_image& with) {
    double sum = 0;
    for (std::size_t i = 0; i < with.pixels.size(); ++i)
      sum += std::abs(static_cast<unsigned char>(raw[frame * with.pixels.size() + i]) - with.pixels[i]);
    return sum / static_cast<double>(with.pixels.size());
  };
  EXPECT_LT(difference(0, shown), 6);
  EXPECT_LT(difference(23, animatic_frame(shown, 1, 320, 180)), 6);
  EXPECT_GT(difference(23, shown), 1.5 * difference(0, shown));
}

TEST(animatic, progress_rises_while_it_works) {
  const weir::unique_fd fd = nameless_file();
  std::vector<double> parts;
  animatic_options options = film(1280, 720, 4, fd.get());
  options.on_progress = [&](double part) { parts.push_back(part); };
  weir::run(make_animatic(std::move(options)));
  EXPECT_GE(parts.size(), 3U);
  for (std::size_t i = 1; i < parts.size(); ++i) EXPECT_LT(parts[i - 1], parts[i]);
  EXPECT_GT(parts.front(), 0);
  EXPECT_EQ(parts.back(), 1.0);
}

TEST(animatic, odd_sizes_become_even_and_one_frame_is_enough) {
  const weir::unique_fd fd = nameless_file();
  const animatic_result result = weir::run(make_animatic(film(101, 57, 0.01, fd.get())));
  EXPECT_EQ(result.width, 100U);
  EXPECT_EQ(result.height, 56U);
  EXPECT_EQ(result.frames, 1U);
  EXPECT_EQ(probe(fd.get(), "stream=width"), "100");
  EXPECT_EQ(probe(fd.get(), "stream=height"), "56");
  for (auto [width, height] : {std::pair{16U, 16U}, {17U, 400U}, {400U, 16U}})
    EXPECT_EQ(weir::run(make_animatic(film(width, height, 0.5, fd.get()))).frames, 12U) << width << 'x' << height;
}

TEST(animatic, same_card_same_bytes) {
  const auto bytes = [] {
    const weir::unique_fd fd(::memfd_create("film", MFD_CLOEXEC));
    std::string text(weir::run(make_animatic(film(320, 180, 1, fd.get()))).size_bytes, '\0');
    EXPECT_EQ(::pread(fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  };
  EXPECT_TRUE(bytes() == bytes());
}

TEST(animatic, cancelled_in_the_middle_nothing_is_left) {
  // A folder of its own: whatever ffmpeg might leave beside its output would show.
  std::string folder = "/tmp/weir-animatic-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    weir::unique_fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd) fd = nameless_file();
    const std::size_t before = open_descriptors();
    double seen = 0;
    bool was_running = false;
    weir::run([](int out, double& part, bool& running) -> weir::task<void> {
      animatic_options options = film(1280, 720, 100, out);
      options.on_progress = [&](double p) { part = p; };
      co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
        auto handle = group.spawn(
            [](animatic_options o) -> weir::task<void> { co_await make_animatic(std::move(o)); }(std::move(options)));
        while (part == 0) co_await weir::sleep_for(5ms);
        running = !children_of_this_process().empty();
        handle.cancel();
      });
    }(fd.get(), seen, was_running));
    EXPECT_TRUE(was_running);
    EXPECT_GT(seen, 0);
    EXPECT_LT(seen, 0.9);
    EXPECT_TRUE(children_of_this_process().empty());
    EXPECT_EQ(open_descriptors(), before);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

TEST(animatic, a_deadline_ends_it) {
  const weir::unique_fd fd = nameless_file();
  const auto begin = std::chrono::steady_clock::now();
  try {
    weir::run(weir::with_timeout(300ms, make_animatic(film(1280, 720, 100, fd.get()))));
    ADD_FAILURE();
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), errc::timeout);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_TRUE(children_of_this_process().empty());
}

TEST(animatic, what_on_progress_throws_ends_it) {
  const weir::unique_fd fd = nameless_file();
  animatic_options options = film(1280, 720, 100, fd.get());
  options.on_progress = [](double) { throw std::length_error("enough"); };
  EXPECT_THROW(weir::run(make_animatic(std::move(options))), std::length_error);
  EXPECT_TRUE(children_of_this_process().empty());
}

TEST(animatic, a_missing_ffmpeg_is_said_plainly) {
  const weir::unique_fd fd = nameless_file();
  {
    const environment no_path("PATH", "");
    expect_error(film(64, 64, 1, fd.get()), errc::not_configured, "apt-get install ffmpeg");
  }
  const environment wrong("WEIR_FFMPEG", "/nonexistent/ffmpeg");
  expect_error(film(64, 64, 1, fd.get()), errc::not_configured, "WEIR_FFMPEG");
}

// A program in the place of ffmpeg.
class fake_ffmpeg {
 public:
  explicit fake_ffmpeg(const std::string& script) {
    ::mkdtemp(folder_.data());
    std::ofstream(folder_ + "/ffmpeg") << "#!/bin/sh\n" << script << '\n';
    ::chmod((folder_ + "/ffmpeg").c_str(), 0700);
    variable_.emplace("WEIR_FFMPEG", (folder_ + "/ffmpeg").c_str());
  }
  ~fake_ffmpeg() { std::filesystem::remove_all(folder_); }

 private:
  std::string folder_ = "/tmp/weir-animatic-XXXXXX";
  std::optional<environment> variable_;
};

TEST(animatic, the_encoders_last_words_are_in_the_error) {
  const weir::unique_fd fd = nameless_file();
  {
    const fake_ffmpeg fake("echo 'Unknown encoder libx264' >&2; exit 3");
    expect_error(film(640, 360, 10, fd.get()), errc::job_failed, "exit code 3: Unknown encoder libx264");
  }
  {
    const fake_ffmpeg fake("kill -9 $$");
    expect_error(film(640, 360, 10, fd.get()), errc::job_failed, "signal 9");
  }
  {
    const fake_ffmpeg fake("exit 0"); // reads nothing, and says that all is well
    expect_error(film(640, 360, 10, fd.get()), errc::job_failed, "before the last frame");
  }
}

TEST(animatic, a_stubborn_encoder_with_a_child_is_ended) {
  const weir::unique_fd fd = nameless_file();
  const fake_ffmpeg fake("trap '' TERM; sleep 600 & sleep 600");
  EXPECT_THROW(weir::run(weir::with_timeout(200ms, make_animatic(film(640, 360, 10, fd.get())))), weir::error);
  EXPECT_TRUE(children_of_this_process().empty());
}

TEST(animatic, a_full_disk_is_named) {
  const weir::unique_fd fd = nameless_file();
  const fake_ffmpeg fake(
      "cat <&0 >/dev/null; echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1");
  expect_error(film(64, 64, 1, fd.get()), errc::no_space, "disk is full");
}

TEST(animatic, refuses_options_out_of_range) {
  const weir::unique_fd fd = nameless_file();
  expect_error(film(64, 64, 0, fd.get()), errc::invalid_argument, "seconds");
  expect_error(film(64, 64, -1, fd.get()), errc::invalid_argument, "seconds");
  expect_error(film(64, 64, 121, fd.get()), errc::invalid_argument, "121");
  expect_error(film(64, 64, std::nan(""), fd.get()), errc::invalid_argument, "seconds");
  expect_error(film(64, 64, 1, -1), errc::invalid_argument, "regular file");
  const weir::unique_fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  expect_error(film(64, 64, 1, null.get()), errc::invalid_argument, "regular file");
  animatic_options options = film(64, 64, 1, fd.get());
  options.fps = 0;
  expect_error(options, errc::invalid_argument, "frames a second");
  options.fps = 61;
  expect_error(options, errc::invalid_argument, "61");
  options.fps = 24;
  options.card = {8, 8, std::vector<std::uint8_t>(8 * 8 * 3)};
  expect_error(options, errc::invalid_argument, "8x8");
  options.card = {64, 64, std::vector<std::uint8_t>(5)};
  expect_error(options, errc::invalid_argument, "5 bytes");
}

TEST(animatic, several_at_once) {
  std::vector<weir::unique_fd> files;
  std::vector<weir::task<animatic_result>> works;
  for (std::uint32_t i = 0; i < 4; ++i) {
    files.push_back(nameless_file());
    works.push_back(make_animatic(film(160 + i * 16, 90, 1, files.back().get())));
  }
  const auto results = weir::run(weir::gather(std::move(works)));
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(probe(files[i].get(), "stream=width"), std::to_string(160 + i * 16));
}

TEST(zoom_frames, the_first_frame_is_the_card_in_bt709) {
  rgb_image image{64, 32, std::vector<std::uint8_t>(64 * 32 * 3)};
  // Four bars: white, black, red, blue. Expected values from ITU-R BT.709 by hand.
  const std::uint8_t bars[4][3] = {{255, 255, 255}, {0, 0, 0}, {255, 0, 0}, {0, 0, 255}};
  const int luma[4] = {235, 16, 63, 32};
  const int blue[4] = {128, 128, 102, 240};
  const int red[4] = {128, 128, 240, 118};
  for (std::uint32_t y = 0; y < 32; ++y)
    for (std::uint32_t x = 0; x < 64; ++x) std::copy_n(bars[x / 16], 3, image.row(y) + x * 3);
  detail::zoom_frames frames(image, 10, 24, false);
  std::vector<std::uint8_t> frame(frames.frame_bytes());
  ASSERT_EQ(frame.size(), 64U * 32 * 3 / 2);
  frames.draw(0, frame);
  for (std::size_t bar = 0; bar < 4; ++bar)
    for (std::size_t y = 0; y < 32; ++y)
      for (std::size_t x = 0; x < 16; ++x) {
        ASSERT_EQ(frame[y * 64 + bar * 16 + x], luma[bar]) << bar;
        ASSERT_EQ(frame[64 * 32 + y / 2 * 32 + bar * 8 + x / 2], blue[bar]) << bar;
        ASSERT_EQ(frame[64 * 32 + 32 * 16 + y / 2 * 32 + bar * 8 + x / 2], red[bar]) << bar;
      }
}

TEST(zoom_frames, a_flat_card_stays_flat_and_the_timecode_runs) {
  rgb_image image{320, 180, std::vector<std::uint8_t>(320 * 180 * 3, 90)};
  detail::zoom_frames plain(image, 48, 24, false);
  detail::zoom_frames timed(image, 48, 24, true);
  std::vector<std::uint8_t> frame(plain.frame_bytes()), next(plain.frame_bytes());
  plain.draw(47, frame);
  EXPECT_EQ(std::count(frame.begin(), frame.begin() + 320 * 180, frame[0]), 320 * 180);
  timed.draw(10, frame);
  timed.draw(11, next);
  EXPECT_NE(frame, next);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < 320 * 180; ++i) changed += frame[i] != next[i] ? 1 : 0;
  EXPECT_GT(changed, 5U);
  EXPECT_LT(changed, 320U * 180 / 50);
}

TEST(zoom_frames, the_camera_stays_on_the_card_and_inside_its_margins) {
  for (auto [width, height] : {std::pair{1280.0, 720.0}, {720.0, 1280.0}, {1024.0, 1024.0}, {3000.0, 100.0}}) {
    const double margin = 0.07 * std::min(width, height); // of a card
    double before = 2 * width;
    for (double part : {0.0, 0.3, 0.77, 1.0}) {
      const auto box = detail::camera_box(width, height, part);
      EXPECT_GE(box.left, 0);
      EXPECT_GE(box.top, 0);
      EXPECT_LT(box.left, margin);
      EXPECT_LT(box.top, margin);
      EXPECT_LE(box.left + box.width, width);
      EXPECT_LE(box.top + box.height, height);
      EXPECT_GT(box.left + box.width, width - margin);
      EXPECT_GT(box.top + box.height, height - margin);
      EXPECT_LT(box.width, before);
      before = box.width;
    }
    EXPECT_EQ(detail::camera_box(width, height, 0).width, width);
  }
}

TEST(spritesheet, a_grid_of_frames) {
  const rgb_image image = card(640, 360);
  const rgb_image sheet = animatic_spritesheet(image, 3, 2, 160);
  EXPECT_EQ(sheet.width, 480U);
  EXPECT_EQ(sheet.height, 180U);
  const auto cell = [&](std::uint32_t column, std::uint32_t row) {
    rgb_image part{160, 90, {}};
    for (std::uint32_t y = 0; y < 90; ++y)
      part.pixels.insert(part.pixels.end(), sheet.row(row * 90 + y) + column * 160 * 3,
                         sheet.row(row * 90 + y) + (column + 1) * 160 * 3);
    return part;
  };
  EXPECT_TRUE(cell(0, 0) == animatic_frame(image, 0, 160, 90));
  EXPECT_TRUE(cell(1, 1) == animatic_frame(image, 0.8, 160, 90));
  EXPECT_TRUE(cell(2, 1) == animatic_frame(image, 1, 160, 90));
  EXPECT_FALSE(cell(0, 0) == cell(2, 1));
  EXPECT_EQ(animatic_spritesheet(image, 1, 1, 100).width, 100U);
  EXPECT_THROW(animatic_spritesheet(image, 0, 1, 100), weir::error);
  EXPECT_THROW(animatic_spritesheet(image, 200, 1, 100), weir::error);
  EXPECT_THROW(animatic_spritesheet(image, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), weir::error);
  EXPECT_THROW(animatic_spritesheet({}, 1, 1, 100), weir::error);
}

TEST(spritesheet, thumbnail) {
  const rgb_image image = card(640, 360);
  const rgb_image small = animatic_thumbnail(image, 320);
  EXPECT_EQ(small.width, 320U);
  EXPECT_EQ(small.height, 180U);
  EXPECT_TRUE(animatic_thumbnail(image, 640) == image);
  EXPECT_EQ(animatic_thumbnail(card(16, 4096), 100).width, 1U);
  EXPECT_THROW(animatic_thumbnail(image, 0), weir::error);
  EXPECT_THROW(animatic_frame(image, 0, 0, 5), weir::error);
}

} // namespace

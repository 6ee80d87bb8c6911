#include "media/image_files.hpp"

#include <weir/core/error.hpp>
#include <weir/media/encode.hpp>
#include <weir/media/prepare.hpp>

#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_TEST_SANITIZED 1
#endif
#endif

namespace {

using namespace weir::media;
using namespace weir::media::testing;
using namespace std::chrono_literals;

void put(bytes& out, std::initializer_list<int> values) {
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
}

void put_big(bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

void put_chunk(bytes& out, std::string_view name, const bytes& body) {
  put_big(out, static_cast<std::uint32_t>(body.size()));
  const std::size_t from = out.size();
  for (const char c : name) out.push_back(static_cast<std::byte>(c));
  out.insert(out.end(), body.begin(), body.end());
  put_big(out, libdeflate_crc32(0, out.data() + from, out.size() - from));
}

bytes zlib(const bytes& in) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> deflate(libdeflate_alloc_compressor(6),
                                                                                         libdeflate_free_compressor);
  bytes out(libdeflate_zlib_compress_bound(deflate.get(), in.size()));
  out.resize(libdeflate_zlib_compress(deflate.get(), in.data(), in.size(), out.data(), out.size()));
  return out;
}

bytes png_of(std::uint32_t width, std::uint32_t height, const bytes& idat,
             const std::function<void(bytes&)>& extra = {}, int interlace = 0) {
  bytes out, head;
  put(out, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
  put_big(head, width);
  put_big(head, height);
  put(head, {8, 2, 0, 0, interlace});
  put_chunk(out, "IHDR", head);
  if (extra) extra(out);
  put_chunk(out, "IDAT", idat);
  put_chunk(out, "IEND", {});
  return out;
}

bytes progressive_header(int width, int height) {
  bytes out;
  put(out, {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0});
  for (int i = 0; i < 64; ++i) put(out, {1});
  put(out, {0xff, 0xc2, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 0x11, 0, 2, 0x11, 0, 3,
            0x11, 0});
  put(out, {0xff, 0xc4, 0, 20, 0, 1});
  for (int i = 0; i < 15; ++i) put(out, {0});
  put(out, {0, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0xff, 0xd9});
  return out;
}

weir::errc code_of(const bytes& file, const prepare_options& options = {}) {
  try {
    prepare_image(image_source::from_bytes(file), options, [](auto) {});
  } catch (const weir::error& e) {
    return e.code();
  }
  ADD_FAILURE() << "accepted";
  return weir::errc::internal;
}

/// Runs `work` in a child whose address space may grow by `more_bytes`; true where it came through.
bool fits_into(std::size_t more_bytes, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
#ifndef WEIR_TEST_SANITIZED
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t limit = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more_bytes;
    const rlimit both{limit, limit};
    if (::setrlimit(RLIMIT_AS, &both) != 0) ::_exit(3);
#else
    (void)more_bytes;
#endif
    try {
      work();
    } catch (...) {
      ::_exit(2);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(prepare_hostile, huge_headers_are_refused_at_once) {
  bytes webp;
  for (const char c : std::string_view("RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0", 24)) webp.push_back(std::byte(c));
  put(webp, {0x4f, 0xc3, 0, 0x4f, 0xc3, 0});
  for (int i = 0; i < 100; ++i) put(webp, {0});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(png_of(50'000, 50'000, zlib(bytes(100)))), weir::errc::too_large);
  EXPECT_EQ(code_of(progressive_header(50'000, 50'000)), weir::errc::too_large);
  EXPECT_EQ(code_of(webp), weir::errc::too_large);
  EXPECT_EQ(code_of(png_of(70'000, 1, zlib(bytes(100)))), weir::errc::too_large);
  EXPECT_EQ(code_of(png_of(8193, 8192, zlib(bytes(100)))), weir::errc::too_large);
#ifndef WEIR_TEST_SANITIZED
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
#else
  (void)start;
#endif
}

TEST(prepare_hostile, frames_have_a_budget_of_their_own) {
  // 62 megapixels pass the pixel limit, but their coefficients would take 375 MB.
  const auto progressive = progressive_header(7900, 7900);
  ASSERT_LT(progressive.size(), 600U);
  EXPECT_EQ(code_of(progressive), weir::errc::too_large);
  auto options = target(64, 64);
  options.max_frame_bytes = std::uint64_t{1} << 30;
  EXPECT_EQ(code_of(progressive, options), weir::errc::corrupt)
      << "it has no pixels; only the budget kept it out before";
}

TEST(prepare_hostile, limits_can_be_set) {
  auto options = target(64, 64);
  options.max_frame_bytes = 10'000;
  for (const char* name : {"lossy.webp", "rgb_adam7.png", "progressive.jpg"})
    EXPECT_EQ(code_of(data_file(name), options), weir::errc::too_large) << name;
  EXPECT_NO_THROW(prepare(data_file("plain.jpg"), options)) << "rows are no frame";
  options = target(64, 64);
  options.max_pixels = 203 * 151 - 1;
  EXPECT_EQ(code_of(data_file("plain.jpg"), options), weir::errc::too_large);
  options.max_pixels = 203 * 151;
  EXPECT_NO_THROW(prepare(data_file("plain.jpg"), options));
  options.max_side = 202;
  EXPECT_EQ(code_of(data_file("plain.jpg"), options), weir::errc::too_large);
  options = target(64, 64);
  options.max_file_bytes = 1000;
  EXPECT_EQ(code_of(data_file("plain.jpg"), options), weir::errc::too_large);
}

TEST(prepare_hostile, scans_are_counted) {
  const auto file = data_file("progressive.jpg");
  auto options = target(64, 36);
  options.max_scans = 4; // it has 10
  EXPECT_EQ(code_of(file, options), weir::errc::too_large);
  // The first scan again and again: a contradiction, or, where that is let pass, too many.
  std::size_t begin = 0, end = 0;
  for (std::size_t at = 2; at + 1 < file.size() && end == 0; ++at) {
    if (file[at] != std::byte{0xff}) continue;
    if (begin == 0 && file[at + 1] == std::byte{0xda})
      begin = at;
    else if (begin != 0 && file[at + 1] != std::byte{0} && at > begin + 14)
      end = at;
  }
  ASSERT_GT(end, begin);
  bytes many(file.begin(), file.begin() + static_cast<long>(end));
  for (int i = 0; i < 800; ++i)
    many.insert(many.end(), file.begin() + static_cast<long>(begin), file.begin() + static_cast<long>(end));
  many.insert(many.end(), file.begin() + static_cast<long>(end), file.end());
  EXPECT_EQ(code_of(many, target(64, 36)), weir::errc::corrupt);
  options = target(64, 36);
  options.lenient = true;
  EXPECT_EQ(code_of(many, options), weir::errc::too_large);
}

TEST(prepare_hostile, inflating_text_and_profiles_cost_nothing) {
  const bytes zeros = zlib(bytes(200 << 20));
  const auto file = png_of(2, 2, zlib(bytes(14)), [&](bytes& out) {
    for (const std::string_view name : {"zTXt", "iTXt", "iCCP"}) {
      bytes body;
      put(body, {'k', 'e', 'y', 0});
      if (name == "iTXt") {
        put(body, {1, 0, 0, 0});
      } else {
        put(body, {0});
      }
      body.insert(body.end(), zeros.begin(), zeros.end());
      put_chunk(out, name, body);
    }
    bytes plain;
    put(plain, {'k', 'e', 'y', 0});
    plain.resize(1 << 20, std::byte{'x'});
    for (int i = 0; i < 20; ++i) put_chunk(out, "tEXt", plain);
  });
  EXPECT_TRUE(fits_into(32 << 20, [&] { prepare(file, target(16, 16)); }));
}

TEST(prepare_hostile, extreme_shapes_take_memory_by_the_target) {
  for (const auto& [w, h] :
       {std::pair{2000U, 1U}, std::pair{1U, 4000U}, std::pair{60'000U, 1U}, std::pair{1U, 60'000U}}) {
    bytes file;
    encode_image(smooth_pixels(w, h), w, h, image_format::png, into(file));
    for (const auto mode : {resize_mode::crop, resize_mode::pad, resize_mode::rescale})
      EXPECT_TRUE(fits_into(64 << 20,
                            [&] {
                              const auto out = decode(prepare(file, target(1280, 720, mode)));
                              if (out.width != 1280 || out.height != 720) throw 1;
                            }))
          << w << "x" << h;
  }
#ifndef WEIR_TEST_SANITIZED
  EXPECT_FALSE(fits_into(64 << 20, [] {
    if (::mmap(nullptr, 200 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) throw 1;
  })) << "the limit limits nothing";
#endif
}

TEST(prepare_hostile, the_estimate_covers_what_is_used) {
  bytes file;
  encode_image(smooth_pixels(4000, 3000), 4000, 3000, image_format::jpeg, into(file));
  const auto info = probe_image(file);
  ASSERT_TRUE(info);
  const std::size_t estimate = estimate_memory_bytes(*info, {});
  EXPECT_LT(estimate, 20U << 20);
  EXPECT_TRUE(fits_into(estimate + (4 << 20), [&] { prepare_image(image_source::from_bytes(file), {}, [](auto) {}); }));
  for (const char* name : {"progressive.jpg", "rgb_adam7.png", "lossless.webp", "orientation6.jpg", "large.jpg"}) {
    const auto small = data_file(name);
    const std::size_t need = estimate_memory_bytes(*probe_image(small), target(2000, 2000));
    EXPECT_TRUE(fits_into(need + (4 << 20), [&] {
      prepare_image(image_source::from_bytes(small), target(2000, 2000), [](auto) {});
    })) << name;
  }
  image_info huge = *info;
  huge.width = huge.height = 50'000;
  EXPECT_THROW((void)estimate_memory_bytes(huge, {}), weir::error);
}

TEST(prepare_hostile, mutated_files_end_in_a_picture_or_an_error) {
  std::mt19937 random(2026);
  std::size_t files = 0, refused = 0, taken = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_path(""))) {
    const std::string extension = entry.path().extension();
    if (extension != ".png" && extension != ".jpg" && extension != ".webp") continue;
    const auto file = read_file(entry.path());
    ++files;
    for (int round = 0; round < 40; ++round) {
      auto changed = file;
      const auto changes = 1 + random() % 6;
      for (std::uint32_t i = 0; i < changes; ++i) {
        // Half of the changes hit the header, where the structure is.
        const std::size_t range = random() % 2 == 0 ? std::min<std::size_t>(changed.size(), 400) : changed.size();
        changed[random() % range] = static_cast<std::byte>(random() % 3 == 0 ? 0xff : random());
      }
      if (random() % 8 == 0) changed.resize(random() % changed.size());
      auto options = target(40, 30, static_cast<resize_mode>(random() % 3));
      options.lenient = random() % 2 == 0;
      options.max_pixels = 1 << 20;
      options.max_frame_bytes = 16 << 20;
      try {
        const auto out = decode(prepare(changed, options));
        EXPECT_EQ(out.width, 40U);
        ++taken;
      } catch (const weir::error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(files, 50U);
  EXPECT_GT(refused, files);
  EXPECT_GT(taken, files);
}

} // namespace

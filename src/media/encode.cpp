#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/encode.hpp>

#include <jpeglib.h>
#include <webp/encode.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace weir::media {
namespace {

std::uint64_t give(const byte_sink& sink, const std::uint8_t* bytes, std::size_t count) {
  sink(std::as_bytes(std::span(bytes, count)));
  return count;
}

/// One encoder. libjpeg's longjmp crosses frames of libjpeg only; guarded() turns it into a return value.
class jpeg_file {
 public:
  jpeg_file() {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { longjmp(static_cast<jpeg_file*>(info->client_data)->jump_, 1); };
    errors_.output_message = [](j_common_ptr) {};
  }
  ~jpeg_file() {
    jpeg_destroy_compress(&info_);
    std::free(data_);
  }
  jpeg_file(const jpeg_file&) = delete;
  jpeg_file& operator=(const jpeg_file&) = delete;

  void begin(std::uint32_t width, std::uint32_t height, int quality) {
    guarded([=, this] {
      jpeg_create_compress(&info_);
      jpeg_mem_dest(&info_, &data_, &size_);
      info_.image_width = width;
      info_.image_height = height;
      info_.input_components = 3;
      info_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&info_);
      jpeg_set_quality(&info_, quality, TRUE);
      if (quality > 90) info_.comp_info[0].h_samp_factor = info_.comp_info[0].v_samp_factor = 1;
      jpeg_start_compress(&info_, TRUE);
    });
  }

  void row(const std::uint8_t* rgb) {
    guarded([=, this] {
      JSAMPROW rows[1] = {const_cast<std::uint8_t*>(rgb)};
      jpeg_write_scanlines(&info_, rows, 1);
    });
  }

  std::span<const std::uint8_t> finish() {
    guarded([this] { jpeg_finish_compress(&info_); });
    return {data_, size_};
  }

 private:
  template <class Call>
  void guarded(Call call) {
    if (setjmp(jump_) == 0) {
      call();
      return;
    }
    std::array<char, JMSG_LENGTH_MAX> text{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), text.data());
    throw error(errc::internal, std::string("JPEG: encoding failed (") + text.data() + ")");
  }

  jpeg_compress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_{};
  unsigned char* data_ = nullptr;
  unsigned long size_ = 0;
};

std::uint64_t encode_jpeg(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height, int quality,
                          const byte_sink& sink, const std::stop_token& stop) {
  const auto file = std::make_unique<jpeg_file>();
  file->begin(width, height, quality);
  for (std::uint32_t y = 0; y < height; ++y) {
    if (stop.stop_requested()) throw cancelled{};
    file->row(rgb.data() + std::size_t{y} * width * 3);
  }
  const auto bytes = file->finish();
  return give(sink, bytes.data(), bytes.size());
}

struct webp_file {
  WebPPicture picture{};
  WebPMemoryWriter writer{};
  webp_file() {
    if (WebPPictureInit(&picture) == 0) throw error(errc::internal, "WebP: the library has another version");
    WebPMemoryWriterInit(&writer);
  }
  ~webp_file() {
    WebPPictureFree(&picture);
    WebPMemoryWriterClear(&writer);
  }
  webp_file(const webp_file&) = delete;
  webp_file& operator=(const webp_file&) = delete;
};

std::uint64_t encode_webp(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height, int quality,
                          const byte_sink& sink, const std::stop_token& stop) {
  webp_file file;
  WebPConfig config;
  if (WebPConfigInit(&config) == 0) throw error(errc::internal, "WebP: the library has another version");
  config.quality = static_cast<float>(quality);
  file.picture.width = static_cast<int>(width);
  file.picture.height = static_cast<int>(height);
  file.picture.writer = WebPMemoryWrite;
  file.picture.custom_ptr = &file.writer;
  file.picture.user_data = const_cast<std::stop_token*>(&stop);
  file.picture.progress_hook = [](int, const WebPPicture* picture) {
    return static_cast<const std::stop_token*>(picture->user_data)->stop_requested() ? 0 : 1;
  };
  const bool good = WebPPictureImportRGB(&file.picture, rgb.data(), static_cast<int>(width * 3)) != 0 &&
                    WebPEncode(&config, &file.picture) != 0;
  if (stop.stop_requested()) throw cancelled{};
  if (!good) throw error(errc::internal, "WebP: encoding failed (" + std::to_string(file.picture.error_code) + ")");
  return give(sink, file.writer.mem, file.writer.size);
}

} // namespace

std::uint64_t encode_image(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height,
                           image_format format, const byte_sink& sink, const encode_options& options,
                           std::stop_token stop) {
  if (width == 0 || height == 0 || rgb.size() / 3 / width != height || rgb.size() % 3 != 0 ||
      rgb.size() != std::size_t{width} * height * 3)
    throw error(errc::invalid_argument, "encode: the pixels must be width * height * 3 bytes");
  if (options.quality < 1 || options.quality > 100)
    throw error(errc::invalid_argument, "encode: the quality must be from 1 to 100");
  const std::uint32_t most = format == image_format::jpeg   ? JPEG_MAX_DIMENSION
                             : format == image_format::webp ? WEBP_MAX_DIMENSION
                                                            : 0x7fffffff;
  if (width > most || height > most)
    throw error(errc::invalid_argument,
                std::string(format_name(format)) + ": no side may be over " + std::to_string(most));
  switch (format) {
  case image_format::png:
    return write_png(width, height, rgb, sink, std::move(stop));
  case image_format::jpeg:
    return encode_jpeg(rgb, width, height, options.quality, sink, stop);
  case image_format::webp:
    return encode_webp(rgb, width, height, options.quality, sink, stop);
  case image_format::unknown:
    break;
  }
  throw error(errc::invalid_argument, "encode: the format must be PNG, JPEG or WebP");
}

} // namespace weir::media

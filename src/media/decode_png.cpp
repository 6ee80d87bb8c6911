#include "media/colour.hpp"
#include "media/decode.hpp"
#include "media/frame_memory.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <vector>

namespace weir::media::detail {
namespace {

/// One decoder. libpng reports failure by longjmp: it jumps only over frames of libpng and of the callbacks below,
/// which own nothing; guarded() turns it into a return value, and exceptions start behind it.
class png_reader {
 public:
  explicit png_reader(const decode_request& request) : request_(request) {}
  ~png_reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;

  /// Reads everything before the pixels and asks for 8-bit RGBX or RGBA.
  void start() {
    guarded([this] {
      png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
      if (png_ != nullptr) info_ = png_create_info_struct(png_);
    });
    if (info_ == nullptr) throw error(errc::too_large, request_.name + ": no memory to decode the PNG");
    guarded([this] {
      png_set_read_fn(png_, this, on_read);
      png_set_user_limits(png_, request_.header.width, request_.header.height);
      png_set_chunk_malloc_max(png_, request_.max_profile_bytes);
      // Text may inflate without end and says nothing about pixels; so for all chunks that the picture does not need.
      static constexpr char ignored[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0"
                                        "tEXt\0tIME\0zTXt";
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, reinterpret_cast<png_const_bytep>(ignored),
                                  static_cast<int>(sizeof ignored / 5));
      png_read_info(png_, info_);
      const bool transparent = (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
                               png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
      png_set_expand(png_);
      png_set_scale_16(png_);
      png_set_gray_to_rgb(png_);
      if (!transparent) png_set_filler(png_, 0xff, PNG_FILLER_AFTER);
      passes_ = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      transparent_ = transparent;
    });
    if (png_get_image_width(png_, info_) != request_.header.width ||
        png_get_image_height(png_, info_) != request_.header.height ||
        png_get_rowbytes(png_, info_) != std::size_t{request_.header.width} * 4)
      throw error(errc::corrupt, request_.name + ": the PNG header contradicts itself");
  }

  int passes() const { return passes_; }
  bool transparent() const { return transparent_; }
  pixel_kind kind() const { return request_.header.channels <= 2 ? pixel_kind::grey : pixel_kind::rgb; }

  std::vector<std::uint8_t> profile() {
    png_bytep data = nullptr;
    png_uint_32 size = 0;
    guarded([&] {
      png_charp name = nullptr;
      int compression = 0;
      if (png_get_iCCP(png_, info_, &name, &compression, &data, &size) == 0) size = 0;
    });
    if (size == 0 || size > request_.max_profile_bytes) return {};
    return {data, data + size};
  }

  void read_row(std::uint8_t* row) {
    guarded([this, row] { png_read_row(png_, row, nullptr); });
  }

  /// Reads to the end of the file, so that missing parts are noticed.
  void finish() {
    guarded([this] { png_read_end(png_, nullptr); });
  }

 private:
  static png_reader& self(void* pointer) { return *static_cast<png_reader*>(pointer); }

  static void on_error(png_structp png, png_const_charp text) {
    png_reader& reader = self(png_get_error_ptr(png));
    std::strncpy(reader.text_.data(), text, reader.text_.size() - 1);
    longjmp(reader.jump_, 1);
  }

  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep into, std::size_t count) {
    png_reader& reader = self(png_get_io_ptr(png));
    if (!reader.read(into, count)) png_error(png, "Read Error");
  }

  bool read(unsigned char* into, std::size_t count) {
    while (count > 0) {
      if (have_ == 0) {
        cancelled_ = request_.stop.stop_requested();
        have_ = cancelled_ ? 0 : request_.source.read_at(at_, buffer_);
        ended_ = have_ == 0;
        if (ended_) return false;
        at_ += have_;
        next_ = buffer_.data();
      }
      const std::size_t step = std::min(count, have_);
      std::memcpy(into, next_, step);
      into += step, next_ += step;
      count -= step, have_ -= step;
    }
    return true;
  }

  template <class Call>
  void guarded(Call call) {
    if (setjmp(jump_) == 0) {
      call();
      return;
    }
    raise();
  }

  [[noreturn]] void raise() const {
    if (cancelled_) throw cancelled{};
    if (request_.source.failed() != 0) throw errno_error(request_.source.failed(), request_.name);
    if (ended_) throw error(errc::corrupt, request_.name + ": the PNG data ends too early; the file is truncated");
    throw error(errc::corrupt, request_.name + ": the PNG data is damaged (" + text_.data() + ")");
  }

  const decode_request& request_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_{};
  int passes_ = 1;
  bool transparent_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
  std::uint64_t at_ = 0;
  const unsigned char* next_ = nullptr;
  std::size_t have_ = 0;
  std::array<char, 128> text_{};
  std::array<unsigned char, 65'536> buffer_;
};

} // namespace

decode_outcome decode_png(const decode_request& request, row_target& rows) {
  const auto reader = std::make_unique<png_reader>(request);
  reader->start();
  const auto converter = colour_converter::from_profile(reader->profile(), reader->kind());
  const std::size_t width = request.header.width;
  const std::uint32_t height = request.header.height;
  const auto check = [&] {
    if (request.stop.stop_requested()) throw cancelled{};
  };
  const auto polish = [&](std::uint8_t* row) {
    if (reader->transparent()) blend_on_black(row, width);
    if (converter) converter->convert(row, width);
  };
  const bool interlaced = reader->passes() > 1;
  const frame_memory frame(interlaced ? width * 4 * height : 0);
  for (int pass = 0; interlaced && pass < reader->passes(); ++pass)
    for (std::uint32_t y = 0; y < height; ++y) {
      check();
      reader->read_row(frame.data() + y * width * 4);
    }
  for (std::uint32_t y = 0; y < height; ++y) {
    check();
    std::uint8_t* row = rows.next_row();
    if (interlaced) {
      std::memcpy(row, frame.data() + y * width * 4, width * 4);
    } else {
      reader->read_row(row);
    }
    if (!rows.next_row_unused()) polish(row);
    rows.commit_row();
  }
  if (!request.lenient) reader->finish();
  return {.colour_converted = converter != nullptr};
}

} // namespace weir::media::detail

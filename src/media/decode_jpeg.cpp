#include "media/colour.hpp"
#include "media/decode.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <jerror.h>
#include <jpeglib.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

namespace weir::media::detail {
namespace {

enum class ending { running, failed, cancelled, too_many_scans, warned };

/// One decoder. libjpeg reports failure by longjmp: it jumps only over frames of libjpeg and of the callbacks below,
/// which own nothing; guarded() turns it into a return value, and exceptions start behind it.
class jpeg_reader {
 public:
  explicit jpeg_reader(const decode_request& request) : request_(request) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { self(info).fail(ending::failed); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) self(info).warning();
    };
    errors_.output_message = [](j_common_ptr) {};
    source_.init_source = [](j_decompress_ptr) {};
    source_.term_source = [](j_decompress_ptr) {};
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.fill_input_buffer = [](j_decompress_ptr info) -> boolean {
      self(info).fill();
      return TRUE;
    };
    source_.skip_input_data = [](j_decompress_ptr info, long count) { self(info).skip(count); };
    progress_.progress_monitor = [](j_common_ptr info) { self(info).progress(); };
  }
  ~jpeg_reader() { jpeg_destroy_decompress(&info_); }
  jpeg_reader(const jpeg_reader&) = delete;
  jpeg_reader& operator=(const jpeg_reader&) = delete;

  /// Reads the header and starts the decoder.
  void start(std::uint32_t scale) {
    guarded([this] {
      jpeg_create_decompress(&info_);
      info_.src = &source_;
      info_.progress = &progress_;
      jpeg_read_header(&info_, TRUE);
    });
    if (info_.image_width != request_.header.width || info_.image_height != request_.header.height ||
        static_cast<std::uint32_t>(info_.num_components) != request_.header.channels)
      throw error(errc::corrupt, request_.name + ": the JPEG header contradicts itself");
    choose_output();
    info_.scale_num = 1;
    info_.scale_denom = scale;
    info_.mem->max_memory_to_use = static_cast<long>(request_.max_frame_bytes + (16 << 20));
    guarded([this] { jpeg_start_decompress(&info_); });
  }

  std::uint32_t width() const { return info_.output_width; }
  std::uint32_t height() const { return info_.output_height; }
  pixel_kind kind() const { return kind_; }

  void read_row(std::uint8_t* row) {
    guarded([this, row] {
      JSAMPROW rows[1] = {row};
      jpeg_read_scanlines(&info_, rows, 1);
    });
  }

  /// Reads to the end of the image, so that a file that was cut off is noticed.
  void finish() {
    guarded([this] { jpeg_finish_decompress(&info_); });
  }

 private:
  static jpeg_reader& self(j_common_ptr info) { return *static_cast<jpeg_reader*>(info->client_data); }
  static jpeg_reader& self(j_decompress_ptr info) { return *static_cast<jpeg_reader*>(info->client_data); }

  template <class Call>
  void guarded(Call call) {
    if (setjmp(jump_) == 0) {
      call();
      return;
    }
    raise();
  }

  [[noreturn]] void fail(ending how) {
    ending_ = how;
    longjmp(jump_, 1);
  }

  [[noreturn]] void raise() {
    if (ending_ == ending::cancelled) throw cancelled{};
    if (ending_ == ending::too_many_scans)
      throw error(errc::too_large, request_.name + ": a progressive JPEG of more than " +
                                       std::to_string(request_.max_scans) + " scans; save it again as a plain JPEG");
    if (request_.source.failed() != 0) throw errno_error(request_.source.failed(), request_.name);
    std::array<char, JMSG_LENGTH_MAX> text{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), text.data());
    const std::string reason = std::string(" (") + text.data() + ")";
    switch (errors_.msg_code) {
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
      throw error(errc::unsupported, request_.name + ": this kind of JPEG is not supported" + reason +
                                         "; save it again as a baseline JPEG");
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
      throw error(errc::too_large, request_.name + ": decoding this JPEG takes too much memory" + reason);
    default:
      break;
    }
    if (ended_) throw error(errc::corrupt, request_.name + ": the JPEG data ends too early; the file is truncated");
    throw error(errc::corrupt, request_.name + ": the JPEG data is damaged" + reason);
  }

  void warning() {
    ++errors_.num_warnings;
    if (request_.lenient) return;
    // Harmless: markers that the decoder does not need, and stray bytes before the pixels.
    const int code = errors_.msg_code;
    if (code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_TOO_MUCH_DATA) return;
    if (code == JWRN_EXTRANEOUS_DATA && info_.global_state < first_decoding_state) return;
    fail(ending::warned);
  }

  void fill() {
    if (request_.stop.stop_requested()) fail(ending::cancelled);
    const std::size_t count = request_.source.read_at(at_, buffer_);
    at_ += count;
    source_.next_input_byte = buffer_.data();
    source_.bytes_in_buffer = count;
    if (count != 0) return;
    if (request_.source.failed() != 0) fail(ending::failed);
    // A forged end marker lets the decoder finish where all pixels were there; where some are missing it warns.
    ended_ = true;
    static constexpr JOCTET end_marker[2] = {0xff, JPEG_EOI};
    source_.next_input_byte = end_marker;
    source_.bytes_in_buffer = sizeof end_marker;
  }

  void skip(long count) {
    if (count <= 0) return;
    const auto bytes = static_cast<std::size_t>(count);
    if (bytes <= source_.bytes_in_buffer) {
      source_.next_input_byte += bytes;
      source_.bytes_in_buffer -= bytes;
      return;
    }
    at_ += bytes - source_.bytes_in_buffer;
    source_.bytes_in_buffer = 0;
  }

  void progress() {
    if (request_.stop.stop_requested()) fail(ending::cancelled);
    if (info_.input_scan_number > static_cast<int>(request_.max_scans)) fail(ending::too_many_scans);
  }

  void choose_output() {
    switch (info_.num_components) {
    case 1:
      kind_ = pixel_kind::grey;
      info_.out_color_space = JCS_EXT_RGBX;
      return;
    case 3:
      kind_ = pixel_kind::rgb;
      info_.out_color_space = JCS_EXT_RGBX;
      return;
    case 4:
      kind_ = pixel_kind::inverted_cmyk;
      info_.out_color_space = JCS_CMYK;
      return;
    default:
      throw error(errc::unsupported, request_.name + ": a JPEG of " + std::to_string(info_.num_components) +
                                         " components is not supported; save it as RGB");
    }
  }

  static constexpr int first_decoding_state = 203; // DSTATE_PRELOAD of libjpeg's jpegint.h: the header is complete

  const decode_request& request_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  ending ending_ = ending::running;
  bool ended_ = false;
  std::uint64_t at_ = 0;
  pixel_kind kind_ = pixel_kind::rgb;
  std::array<JOCTET, 65'536> buffer_;
};

} // namespace

decode_outcome decode_jpeg(const decode_request& request, row_target& rows) {
  const auto reader = std::make_unique<jpeg_reader>(request);
  reader->start(request.scale);
  const auto converter = colour_converter::from_profile(read_profile(request), reader->kind());
  const bool cmyk = reader->kind() == pixel_kind::inverted_cmyk;
  const std::size_t width = reader->width();
  for (std::uint32_t y = 0; y < reader->height(); ++y) {
    if (request.stop.stop_requested()) throw cancelled{};
    std::uint8_t* row = rows.next_row();
    reader->read_row(row);
    if (!rows.next_row_unused()) {
      if (converter) {
        converter->convert(row, width);
      } else if (cmyk) {
        inverted_cmyk_to_rgb(row, width);
      }
    }
    rows.commit_row();
  }
  reader->finish();
  return {.colour_converted = converter != nullptr};
}

} // namespace weir::media::detail

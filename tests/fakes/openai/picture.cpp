#include "picture.hpp"

#include "random.hpp"

#include <jpeglib.h>
#include <webp/encode.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace fake {
namespace {

// Tiles of 64 pixels, each of one colour: valid, quick to write, small, and different for every key.
std::string pixels(const picture_request& w, unsigned channels) {
  std::string row(std::size_t{w.width} * channels, '\0'), out;
  out.reserve(row.size() * w.height);
  for (std::uint32_t y = 0; y < w.height; ++y) {
    if (y % 64 == 0)
      for (std::uint32_t x = 0; x < w.width; ++x) {
        const auto colour = mix(w.key ^ (std::uint64_t{y / 64} << 32 | x / 64));
        for (unsigned c = 0; c < channels; ++c)
          row[std::size_t{x} * channels + c] =
              static_cast<char>(c == 3 ? ((x / 64 + y / 64) % 2 ? 255 : 0) : colour >> 8 * c);
      }
    out += row;
  }
  return out;
}

std::string number(std::uint32_t n, bool big_endian) {
  std::string out(4, '\0');
  for (unsigned i = 0; i < 4; ++i) out[big_endian ? 3 - i : i] = static_cast<char>(n >> 8 * i);
  return out;
}

std::string padding(std::uint64_t key, std::uint64_t size) {
  std::string out(size, '\0');
  random_bytes(key, 0, out);
  return out;
}

void chunk(std::string& out, std::string_view name, std::string_view data) {
  out += number(static_cast<std::uint32_t>(data.size()), true);
  const auto start = out.size();
  out.append(name).append(data);
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(out.data() + start), out.size() - start);
  out += number(static_cast<std::uint32_t>(crc), true);
}

std::string deflate_rows(const std::string& raw) {
  z_stream z{};
  if (deflateInit2(&z, 1, Z_DEFLATED, 15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2 failed");
  std::string out(deflateBound(&z, raw.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(raw.data()));
  z.avail_in = static_cast<uInt>(raw.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (done != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return out;
}

std::string make_png(const picture_request& w) {
  const unsigned channels = w.transparent ? 4 : 3;
  const auto flat = pixels(w, channels);
  const auto stride = std::size_t{w.width} * channels;
  std::string rows;
  rows.reserve(flat.size() + w.height);
  // Within a row of tiles each line equals the one above it: filter "up" leaves zeros (PNG, third edition, 9.2).
  for (std::size_t y = 0; y < w.height; ++y)
    if (y % 64 == 0)
      rows.append(1, '\0').append(flat, y * stride, stride);
    else
      rows.append(1, '\2').append(stride, '\0');

  std::string out = "\x89PNG\r\n\x1a\n";
  std::string head = number(w.width, true) + number(w.height, true);
  head += {8, static_cast<char>(w.transparent ? 6 : 2), 0, 0, 0};
  chunk(out, "IHDR", head);
  const auto data = deflate_rows(rows);
  const std::uint64_t without = out.size() + 12 + data.size() + 12;
  if (w.bytes >= without + 12) chunk(out, "paDd", padding(w.key, w.bytes - without - 12)); // ancillary, private
  chunk(out, "IDAT", data);
  chunk(out, "IEND", "");
  return out;
}

std::string make_jpeg(const picture_request& w) {
  auto flat = pixels(w, 3);
  jpeg_compress_struct c{};
  jpeg_error_mgr errors;
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &memory, &size);
  c.image_width = w.width;
  c.image_height = w.height;
  c.input_components = 3;
  c.in_color_space = JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    auto* row = reinterpret_cast<JSAMPROW>(flat.data() + std::size_t{c.next_scanline} * w.width * 3);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  std::string coded(reinterpret_cast<char*>(memory), size), out = coded.substr(0, 2);
  jpeg_destroy_compress(&c);
  std::free(memory);
  // Comment segments straight after the start of the image (ITU-T T.81, B.2.4.5).
  for (std::uint64_t have = coded.size(); w.bytes >= have + 4;) {
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(w.bytes - have - 4, 65533));
    out += "\xff\xfe";
    out += {static_cast<char>((n + 2) >> 8), static_cast<char>(n + 2)};
    out += padding(w.key + have, n);
    have += n + 4;
  }
  return out.append(coded, 2);
}

std::string make_webp(const picture_request& w) {
  const unsigned channels = w.transparent ? 4 : 3;
  const auto flat = pixels(w, channels);
  WebPConfig config;
  WebPPicture picture;
  if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) throw std::runtime_error("libwebp has another version");
  config.lossless = 1;
  config.method = 0;
  config.quality = 0;
  picture.use_argb = 1;
  picture.width = static_cast<int>(w.width);
  picture.height = static_cast<int>(w.height);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(flat.data());
  const int stride = static_cast<int>(w.width * channels);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const bool good = (w.transparent ? WebPPictureImportRGBA(&picture, bytes, stride)
                                   : WebPPictureImportRGB(&picture, bytes, stride)) &&
                    WebPEncode(&config, &picture);
  std::string out(reinterpret_cast<char*>(writer.mem), writer.size);
  WebPPictureFree(&picture);
  WebPMemoryWriterClear(&writer);
  if (!good) throw std::runtime_error("libwebp could not encode");
  if (w.bytes >= out.size() + 8) {
    const auto n = (w.bytes - out.size() - 8) & ~std::uint64_t{1}; // an unknown chunk, of an even size
    out.append("paDd").append(number(static_cast<std::uint32_t>(n), false)).append(padding(w.key, n));
    out.replace(4, 4, number(static_cast<std::uint32_t>(out.size() - 8), false));
  }
  return out;
}

} // namespace

std::string make_picture(const picture_request& wanted) {
  switch (wanted.format) {
  case picture_format::jpeg:
    return make_jpeg(wanted);
  case picture_format::webp:
    return make_webp(wanted);
  case picture_format::png:
    break;
  }
  return make_png(wanted);
}

} // namespace fake

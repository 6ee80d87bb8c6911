// libFuzzer target of the image path: any bytes end in a picture or in weir::error, within bounded memory.
//   cmake -S . -B build/fuzz -DWEIR_FUZZ=ON -DWEIR_SANITIZE=address,undefined ... && ninja -C build/fuzz prepare_fuzz
//   build/fuzz/tests/fuzz/prepare_fuzz -rss_limit_mb=1024 corpus/ tests/media/data/

#include <weir/core/error.hpp>
#include <weir/media/prepare.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::media;
  const auto file = std::as_bytes(std::span(data, size));
  prepare_options options;
  // The last byte of the file, which all formats ignore or check, chooses the way through.
  const unsigned choice = size == 0 ? 0 : data[size - 1];
  options.mode = static_cast<resize_mode>(choice % 3);
  options.lenient = (choice & 8) != 0;
  options.width = (choice & 16) != 0 ? 61 : 32;
  options.height = (choice & 32) != 0 ? 7 : 48;
  options.max_pixels = 1 << 20;
  options.max_frame_bytes = 16 << 20;
  std::size_t written = 0;
  try {
    const auto result = prepare_image(image_source::from_bytes(file), options,
                                      [&](std::span<const std::byte> part) { written += part.size(); });
    if (result.output_bytes != written || written < 60) std::abort();
  } catch (const weir::error&) {}
  return 0;
}

#include <weir/offload/detail/large_block.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::detail {

void stream_block(void* to, const void* from, std::size_t size) noexcept {
#if defined(__SSE2__)
  constexpr std::size_t line = 64, ahead = 1024;
  auto* out = static_cast<std::byte*>(to);
  const auto* in = static_cast<const std::byte*>(from);
  const std::size_t before = std::min(size, (line - reinterpret_cast<std::uintptr_t>(out) % line) % line);
  std::memcpy(out, in, before);
  std::size_t at = before;
  for (; size - at >= line; at += line) {
    _mm_prefetch(reinterpret_cast<const char*>(in + at) + ahead, _MM_HINT_NTA); // beyond the end it does nothing
    const auto* source = reinterpret_cast<const __m128i*>(in + at);
    auto* target = reinterpret_cast<__m128i*>(out + at);
    const __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1), c = _mm_loadu_si128(source + 2),
                  d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  std::memcpy(out + at, in + at, size - at);
  _mm_sfence(); // such writes are not ordered by a release otherwise
#else
  std::memcpy(to, from, size);
#endif
}

void expect_block(void* memory, std::size_t size) noexcept {
  // The size of a huge page where a page has 4 KiB. Only whole ones: what lies around is somebody else's.
  constexpr std::uintptr_t huge_page = std::uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) / huge_page * huge_page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE); // no matter if it fails
}

} // namespace weir::detail

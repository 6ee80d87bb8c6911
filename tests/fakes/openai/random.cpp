#include "random.hpp"

#include <cstring>

namespace fake {

void random_bytes(std::uint64_t key, std::uint64_t offset, std::span<char> out) {
  std::size_t at = 0;
  std::uint64_t index = offset / 8;
  const auto skip = static_cast<std::size_t>(offset % 8);
  if (skip != 0) {
    const auto word = mix(key ^ index++);
    const auto n = std::min<std::size_t>(8 - skip, out.size());
    std::memcpy(out.data(), reinterpret_cast<const char*>(&word) + skip, n);
    at = n;
  }
  for (; at + 8 <= out.size(); at += 8) {
    const auto word = mix(key ^ index++);
    std::memcpy(out.data() + at, &word, 8);
  }
  if (at < out.size()) {
    const auto word = mix(key ^ index);
    std::memcpy(out.data() + at, &word, out.size() - at);
  }
}

std::string hex_id(std::uint64_t key, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::uint64_t word = 0; out.size() < size; word >>= 4) {
    if (out.size() % 16 == 0) word = mix(key + out.size());
    out += digits[word & 15];
  }
  return out;
}

} // namespace fake

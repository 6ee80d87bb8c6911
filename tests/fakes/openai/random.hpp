#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fake {

/// splitmix64 (Steele, Lea, Flood 2014): a good 64-bit number from any counter, so a stream can be read at any offset.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// FNV-1a, 64 bits.
constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(h);
}

/// Fills `out` with the bytes [offset, offset + out.size()) of the endless stream named by `key`.
void random_bytes(std::uint64_t key, std::uint64_t offset, std::span<char> out);

/// `size` digits out of 0-9a-f, always the same for one `key`.
std::string hex_id(std::uint64_t key, std::size_t size);

} // namespace fake

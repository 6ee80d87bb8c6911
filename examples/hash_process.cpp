// A function that computes, in a worker process: it is called like any other, and its text comes back. On a thread it
// would be as fast (hash.cpp); a process is for what may crash, hang or be hostile.
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/processpool.hpp>

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

namespace {

/// FNV-1a, 64 bits (Fowler, Noll, Vo), as hexadecimal digits.
std::string hex_hash(std::span<const std::byte> data) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::byte byte : data) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 1099511628211u;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

std::string compute_hash(const std::string& data) { return hex_hash(std::as_bytes(std::span(data))); }
std::string hash_of_buffer(const weir::shared_buffer& data) { return hex_hash(data); }

weir::task<bool> example() {
  const std::string small = "some large payload";
  const std::string digest = co_await weir::run_in_processpool(compute_hash, small);

  // Large data is put where workers can see it, once; each call then passes a reference.
  weir::mutable_buffer filled = weir::shared_buffer::make(8 << 20);
  for (std::size_t i = 0; i < filled.size(); ++i) filled.data()[i] = static_cast<std::byte>(i * 7 / 3);
  const weir::shared_buffer large = std::move(filled);
  const auto [one, two, elsewhere] = co_await weir::gather(
      weir::run_in_processpool(hash_of_buffer, large), weir::run_in_processpool<&hash_of_buffer>(large),
      weir::run_in_processpool([] { return static_cast<int>(::getpid()); }));

  std::printf("%s %s\n", digest.c_str(), one.c_str());
  co_return digest == compute_hash(small) && one == hash_of_buffer(large) && one == two&& elsewhere != ::getpid();
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

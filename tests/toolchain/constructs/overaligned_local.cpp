// A local that asks for more alignment than the allocator gives keeps it across a suspension.
#include "../kit.hpp"

#include <cstdint>

namespace kit::overaligned_local {

struct alignas(64) wide {
  unsigned char bytes[64] = {};
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

// Not to be seen through by the optimizer.
[[gnu::noinline]] bool is_aligned(const wide& one) { return one.aligned(); }

task<int> hold(int shift) {
  wide one;
  one.bytes[63] = static_cast<unsigned char>(shift);
  EXPECT(is_aligned(one));
  co_await pause{};
  EXPECT(is_aligned(one));
  co_return one.bytes[63];
}

task<bool> body() {
  for (int i = 0; i < 8; ++i) {
    auto* shift = new char[static_cast<std::size_t>(16 * i + 1)];
    EXPECT(co_await hold(i) == i);
    delete[] shift;
  }
  co_return true;
}

const construct here("overaligned_local", body);

} // namespace kit::overaligned_local

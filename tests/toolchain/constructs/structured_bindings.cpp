// auto [a, b] from an await: by value, by reference to the temporary, of several kinds.
#include "../kit.hpp"

#include <array>
#include <tuple>

namespace kit::structured_bindings {

struct point {
  tracked x, y;
};

task<bool> body() {
  {
    auto [a, b] = co_await later(point{1, 2});
    co_await pause{};
    EXPECT(a.value() == 1 && b.value() == 2);
  }
  {
    auto&& [a, b, c] = co_await later(std::tuple<tracked, int, move_only>(3, 4, 5));
    co_await pause{};
    EXPECT(a.value() + b + c.value() == 12);
  }
  {
    const auto& [a, b] = co_await later(std::array<tracked, 2>{6, 7});
    EXPECT(co_await later(a.value()) == 6 && co_await later(b.value()) == 7);
  }
  co_return true;
}

const construct here("structured_bindings", body);

} // namespace kit::structured_bindings

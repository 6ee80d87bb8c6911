// A list in braces, as an initializer_list or vector argument of an awaited call.
#include "../kit.hpp"

#include <initializer_list>
#include <vector>

namespace kit::list_arguments {

task<int> sum(std::initializer_list<int> list) {
  int total = 0;
  for (int n : list) total += n;
  co_await pause{};
  co_return total;
}

task<int> sum_all(std::vector<tracked> list) {
  co_await pause{};
  int total = 0;
  for (const auto& one : list) total += one.value();
  co_return total;
}

task<bool> body() {
  EXPECT(co_await sum({1, 2, 3}) == 6);
  EXPECT(co_await sum_all({1, 2, 3, 4}) == 10);
  EXPECT(co_await sum_all({tracked(5), tracked(6)}) == 11);
  co_return true;
}

const construct here("list_arguments", body);

} // namespace kit::list_arguments

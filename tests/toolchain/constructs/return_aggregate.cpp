// co_return of an aggregate with awaits inside its braces.
#include "../kit.hpp"

namespace kit::return_aggregate {

struct pair {
  tracked first;
  tracked second = 5;
};

task<pair> both() { co_return pair{co_await later(tracked(1)), co_await later(tracked(2))}; }
task<pair> one() { co_return pair{.first = co_await later(tracked(3))}; }

task<bool> body() {
  auto two = co_await both();
  EXPECT(two.first.value() == 1 && two.second.value() == 2);
  EXPECT((co_await one()).second.value() == 5);
  co_return true;
}

const construct here("return_aggregate", body);

} // namespace kit::return_aggregate

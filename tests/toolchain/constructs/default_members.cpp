// Braces where some members come from awaits and the others from their defaults.
#include "../kit.hpp"

namespace kit::default_members {

struct part {
  int size = 3;
  tracked name = size + 1;
};
struct whole {
  part first = {};
  tracked middle = first.name;
  part last{.size = 7};
};

task<bool> body() {
  whole made{.first = {.size = co_await later(10)}, .last = {.name = co_await later(tracked(20))}};
  EXPECT(made.first.name.value() == 11);
  EXPECT(made.middle.value() == 11);
  EXPECT(made.last.size == 3 && made.last.name.value() == 20);
  auto* kept = new whole{.middle = co_await later(tracked(1))};
  EXPECT(kept->middle.value() == 1 && kept->last.name.value() == 8);
  delete kept;
  co_return true;
}

const construct here("default_members", body);

} // namespace kit::default_members

// An exception crosses awaits, before and after a suspension, and unwinds what each frame holds.
#include "../kit.hpp"

#include <stdexcept>

namespace kit::exceptions {

task<int> fail(bool at_once) {
  tracked held(1);
  if (!at_once) co_await pause{};
  if (held.value() == 1) throw std::runtime_error("as planned");
  co_return 0;
}

task<int> between(bool at_once, tracked held) {
  tracked inside(held);
  int got = co_await fail(at_once);
  note('x');
  co_return got + inside.value();
}

task<bool> body() {
  for (bool at_once : {true, false}) {
    try {
      co_await between(at_once, 3);
      note('y');
    } catch (const std::runtime_error& error) {
      EXPECT(std::string(error.what()) == "as planned");
      note('c');
    }
  }
  EXPECT(trail() == "cc");
  co_return true;
}

const construct here("exceptions", body);

} // namespace kit::exceptions

// Short circuit between awaits: what is not needed does not run.
#include "../kit.hpp"

namespace kit::logical_operators {

task<bool> say(bool answer, char mark) {
  co_await pause{};
  note(mark);
  co_return answer;
}

task<bool> body() {
  EXPECT(!(co_await say(false, 'a') && co_await say(true, 'b')));
  EXPECT(co_await say(true, 'c') || co_await say(true, 'd'));
  EXPECT(co_await say(true, 'e') && co_await say(true, 'f'));
  EXPECT(!(co_await say(false, 'g') || co_await say(false, 'h')));
  EXPECT(trail() == "acefgh");
  co_return true;
}

const construct here("logical_operators", body);

} // namespace kit::logical_operators

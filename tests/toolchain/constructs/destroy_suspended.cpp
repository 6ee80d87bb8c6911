// A chain that is destroyed where it waits gives back all that it holds, innermost first.
#include "../kit.hpp"

namespace kit::destroy_suspended {

std::coroutine_handle<> waiting;

struct forever {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const noexcept { waiting = who; }
  void await_resume() const noexcept {}
};

struct mark : counted {
  explicit mark(char c) : letter(c) {}
  ~mark() { note(letter); }
  char letter;
};

task<int> hang(tracked held) {
  mark inside('i');
  co_await forever{};
  note('x');
  co_return held.value();
}

task<bool> middle() {
  mark inside('m');
  try {
    co_return co_await hang(tracked(1)) == tracked(2).value();
  } catch (...) {
    note('x');
  }
  co_return false;
}

task<bool> body() {
  {
    auto chain = middle();
    chain.get().resume();
    EXPECT(waiting && !waiting.done() && !chain.get().done());
  }
  EXPECT(trail() == "im");
  co_return true;
}

const construct here("destroy_suspended", body);

} // namespace kit::destroy_suspended

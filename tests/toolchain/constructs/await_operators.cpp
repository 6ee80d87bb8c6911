// Awaiting through operator co_await, through a reference, and an awaiter that answers at once.
#include "../kit.hpp"

namespace kit::await_operators {

struct answer {
  tracked value;
  struct awaiter {
    const answer& from;
    tracked extra = 1;
    bool await_ready() const noexcept { return from.value.value() < 10; }
    bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    int await_resume() const { return from.value.value() + extra.value(); }
  };
  awaiter operator co_await() const { return {*this}; }
};

struct wrapped {
  int n;
};
task<int> operator co_await(wrapped w) { co_return co_await later(w.n); }

task<bool> body() {
  answer named{5};
  EXPECT(co_await named == 6);
  EXPECT(co_await answer{20} == 21);
  EXPECT(co_await wrapped{3} == 3);
  auto first = later(1), second = later(2);
  EXPECT(co_await second + co_await first == 3);
  co_return true;
}

const construct here("await_operators", body);

} // namespace kit::await_operators

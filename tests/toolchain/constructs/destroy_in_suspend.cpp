// A coroutine that is destroyed inside its own await_suspend: nothing of it is touched afterwards.
#include "../kit.hpp"

namespace kit::destroy_in_suspend {

struct fire_and_forget {
  struct promise_type : counted {
    fire_and_forget get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

struct leave {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const { self.destroy(); }
  void await_resume() const noexcept {}
};

struct leave_to {
  std::coroutine_handle<> next;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const {
    auto to = next;
    self.destroy();
    return to;
  }
  void await_resume() const noexcept {}
};

fire_and_forget start(tracked held, std::coroutine_handle<> next) {
  tracked inside(held);
  co_await pause{};
  note('a');
  if (next) co_await leave_to{next};
  co_await leave{};
  note('x');
}

task<bool> body() {
  start(1, {});
  start(2, std::noop_coroutine());
  co_await pause{};
  EXPECT(trail() == "aa");
  co_return true;
}

const construct here("destroy_in_suspend", body);

} // namespace kit::destroy_in_suspend

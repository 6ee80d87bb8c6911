// co_yield: values in turn, references, an early end, an exception out of the body.
#include "../kit.hpp"

#include <stdexcept>

namespace kit::generator {

class numbers {
 public:
  struct promise_type : counted {
    const tracked* current = nullptr;
    numbers get_return_object() { return numbers(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    std::suspend_always yield_value(const tracked& value) noexcept {
      current = &value;
      return {};
    }
    void return_void() const noexcept {}
    void unhandled_exception() { throw; }
  };
  explicit numbers(std::coroutine_handle<promise_type> h) : handle_(h) {}
  numbers(numbers&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~numbers() {
    if (handle_) handle_.destroy();
  }
  const tracked* next() {
    handle_.resume();
    return handle_.done() ? nullptr : handle_.promise().current;
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

numbers up_to(int limit, tracked step) {
  for (tracked n = 0; n.value() < limit; n = n.value() + step.value()) co_yield n;
  co_yield tracked(limit);
  if (limit > 10) throw std::runtime_error("too far");
}

task<bool> body() {
  auto all = up_to(5, 2);
  int total = 0;
  while (const auto* n = all.next()) total += co_await later(n->value());
  EXPECT(total == 0 + 2 + 4 + 5);
  {
    auto some = up_to(100, 1);
    some.next();
    EXPECT(some.next()->value() == 1);
  }
  auto bad = up_to(11, 11);
  bad.next();
  EXPECT(bad.next()->value() == 11);
  try {
    bad.next();
    note('x');
  } catch (const std::runtime_error&) {
    note('c');
  }
  EXPECT(trail() == "c");
  co_return true;
}

const construct here("generator", body);

} // namespace kit::generator

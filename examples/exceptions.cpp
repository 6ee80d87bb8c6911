// An exception that a function throws on a thread is caught by whoever awaits it: its own type, the same object.
#include <weir/core/run.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace {

struct value_error : std::runtime_error {
  value_error(const std::string& text, int line) : std::runtime_error(text), line_(line) {}
  int line() const noexcept { return line_; }

 private:
  int line_;
};

void might_fail() { throw value_error("something went wrong", 17); }

weir::task<bool> example() {
  try {
    co_await weir::run_in_threadpool(might_fail);
  } catch (const value_error& e) {
    std::printf("Caught: %s (line %d)\n", e.what(), e.line());
    co_return e.line() == 17 && std::string(e.what()) == "something went wrong";
  }
  co_return false;
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

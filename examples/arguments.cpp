// Arguments: those by position follow the function; those by name become an aggregate of options.
#include <weir/core/run.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <string>

namespace {

struct greeting_options {
  std::string greeting = "Hello";
  std::string mark = "!";
};

std::string greet(const std::string& name, const greeting_options& options = {}) {
  return options.greeting + ", " + name + options.mark;
}

weir::task<bool> example() {
  const std::string hi = co_await weir::run_in_threadpool(greet, "Alice", greeting_options{.greeting = "Hi"});
  const std::string hello = co_await weir::run_in_threadpool(greet, "Bob", greeting_options{});
  std::printf("%s\n%s\n", hi.c_str(), hello.c_str());
  co_return hi == "Hi, Alice!" && hello == "Hello, Bob!";
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

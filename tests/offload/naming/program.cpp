// Built without PIE, without a build-id, and stripped: functions are found all the same. Exit code 0: all was right.
#include "call_in_child.hpp"

#include <cstdio>

namespace {

std::string greet(const std::string& whom, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += "hello " + whom + " ";
  return all;
}

[[maybe_unused]] const bool played = weir::naming::play_role();

int fail(const char* what) {
  std::fprintf(stderr, "wrong: %s\n", what);
  return 1;
}

} // namespace

int main() {
  using namespace weir::naming;
  if (call_in_child(greet, "you", 2) != "hello you hello you ") return fail("a function pointer");
  if (call_in_child(weir::detail::constant_function<&greet>(), "me", 1) != "hello me ") return fail("a constant");
  if (call_in_child([](int a, int b) { return a - b; }, 5, 3) != 2) return fail("a lambda");
  return 0;
}

#include "kit.hpp"

#include <cstdio>
#include <cstring>
#include <deque>
#include <set>

namespace kit {
namespace {

construct* constructs = nullptr;
int failures = 0;
std::string the_trail;
std::deque<std::coroutine_handle<>> ready;

std::set<const void*>& alive() {
  static std::set<const void*> addresses;
  return addresses;
}

/// Runs one construct; prints what went wrong and gives whether all was right.
bool passes(const construct& one) {
  failures = 0;
  the_trail.clear();
  alive().clear();
  try {
    expect(run(one.body()), "the construct comes to its end");
  } catch (const std::exception& error) {
    expect(false, error.what());
  }
  expect(alive().empty(), "every object that was made is destroyed");
  std::printf("%s %s\n", failures == 0 ? "ok   " : "WRONG", one.name);
  return failures == 0;
}

} // namespace

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("  not so: %s\n", what);
}

void note(char mark) { the_trail += mark; }
std::string trail() { return std::exchange(the_trail, {}); }

counted::counted() noexcept { expect(alive().insert(this).second, "an object is made where none lives"); }
counted::counted(const counted& from) noexcept : counted() {
  expect(alive().contains(&from), "an object that is copied or moved is alive");
}
counted::~counted() { expect(alive().erase(this) == 1, "an object is destroyed once, where it was made"); }

void pause::await_suspend(std::coroutine_handle<> who) const { ready.push_back(who); }

construct::construct(const char* construct_name, task<bool> (*construct_body)())
    : name(construct_name), body(construct_body), next(std::exchange(constructs, this)) {}

void drain() {
  while (!ready.empty()) {
    auto next = ready.front();
    ready.pop_front();
    next.resume();
  }
}

bool run(task<bool> work) {
  work.get().resume();
  drain();
  return work.get().done() && work.get().promise().take();
}

} // namespace kit

/// toolchain_kit [NAME...]: runs these constructs, or all; the exit code is 1 when one is wrong. --list names them.
int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  const bool list = count == 2 && std::strcmp(words[1], "--list") == 0;
  int found = 0;
  bool right = true;
  for (const auto* one = kit::constructs; one; one = one->next) {
    bool wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted = wanted || std::strcmp(words[i], one->name) == 0;
    if (list) std::puts(one->name);
    if (!wanted) continue;
    ++found;
    right = kit::passes(*one) && right;
  }
  if (!list && found < (count == 1 ? 1 : count - 1)) {
    std::puts("there is no construct of that name; --list names them");
    return 2;
  }
  return right ? 0 : 1;
}

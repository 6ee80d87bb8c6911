// Catch, throw on, translate; the same exception object arrives.
#include "../kit.hpp"

#include <stdexcept>

namespace kit::catch_and_rethrow {

const void* thrown = nullptr;

task<void> fail() {
  co_await pause{};
  try {
    throw std::out_of_range("first");
  } catch (const std::exception& error) {
    thrown = &error;
    throw;
  }
}

task<void> translate() {
  try {
    co_await fail();
  } catch (const std::out_of_range&) {
    std::throw_with_nested(std::runtime_error("second"));
  }
}

task<bool> body() {
  try {
    co_await fail();
  } catch (const std::out_of_range& error) {
    EXPECT(thrown == &error);
    note('a');
  }
  try {
    co_await translate();
  } catch (const std::runtime_error& error) {
    try {
      std::rethrow_if_nested(error);
    } catch (const std::out_of_range&) {
      note('b');
    }
  }
  EXPECT(trail() == "ab");
  co_return true;
}

const construct here("catch_and_rethrow", body);

} // namespace kit::catch_and_rethrow

#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/shared_buffer.hpp>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

// What the tests run in worker processes: ordinary functions, registered nowhere.
namespace weir::tests {

inline int add(int a, int b) { return a + b; }
inline int own_pid() { return ::getpid(); }
inline std::string join(const std::vector<std::string>& parts, const std::string& by) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : by) + part;
  return all;
}
inline int to_number(const std::string& text) { return std::stoi(text); }
inline int write_much(std::size_t bytes) {
  const std::string line(99, 'x');
  for (std::size_t done = 0; done < bytes; done += 100) {
    ::dprintf(1, "%s\n", line.c_str());
    ::dprintf(2, "%s\n", line.c_str());
  }
  return 5;
}
inline int use_standard_streams() {
  char c = 0;
  const bool empty_input = ::read(0, &c, 1) == 0;
  const int told = std::system("echo said by a child");
  std::printf("said by the function\n");
  return empty_input && told == 0;
}
inline int exit_with(int code) { ::_exit(code); }
inline int crash(int signal_number) {
  ::raise(signal_number);
  return 0;
}
inline int overflow_the_stack(int depth) {
  volatile char room[4096];
  room[depth % 4096] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow_the_stack(depth + 1) + room[depth % 4096];
}
inline std::size_t take_memory(std::size_t bytes) {
  std::vector<char> taken(bytes, 'x');
  return static_cast<std::size_t>(taken[bytes / 2] == 'x') * taken.size();
}
inline int sleep_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return milliseconds;
}
inline void spin_for_ever() {
  for (volatile int i = 0;; i = i + 1) {}
}
inline int stop_politely(std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 7;
}
inline int crash_every_hundredth(int i) {
  if (i % 100 == 99) std::abort();
  return i;
}
inline shared_buffer invert(shared_buffer input) {
  mutable_buffer out = shared_buffer::make(input.size());
  for (std::size_t i = 0; i < input.size(); ++i) out.data()[i] = ~input.data()[i];
  return out;
}
inline std::string echo(std::string text) { return text; }
inline std::vector<std::byte> echo_bytes(std::vector<std::byte> bytes) { return bytes; }

/// Can be sent, but not read.
struct unreadable {
  int value = 0;
};
inline int never_called(unreadable value, std::string) { return value.value; }

struct own_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void throw_own() { throw own_error("mine"); }
inline void throw_int() { throw 42; }
inline int forks() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0;
}

} // namespace weir::tests

template <>
struct weir::codec<weir::tests::unreadable> {
  static void encode(encoder& out, const tests::unreadable& value) { out.put(value.value); }
  static tests::unreadable decode(decoder&) { throw std::domain_error("not like this"); }
};

#include "offload/in_child.hpp"

#include <weir/offload/detail/crash_report.hpp>

#include <csignal>
#include <cstdlib>
#include <new>
#include <thread>

using namespace weir;
using namespace weir::forked;
using namespace weir::detail;

namespace crash_test {

// Named outside an anonymous namespace, so that their names in the trace are known.
[[gnu::noinline]] void write_to(volatile int* where) {
  *where = 1;
  asm volatile("");
}
[[gnu::noinline]] void outer(volatile int* where) {
  write_to(where);
  asm volatile("");
}
volatile int last_depth = -1; // never reached, which the compiler cannot know
[[gnu::noinline]] int recurse(int depth) {
  volatile char space[512];
  space[0] = static_cast<char>(depth);
  return depth == last_depth ? 0 : recurse(depth + 1) + space[0];
}
[[gnu::noinline]] int huge_frames(int depth) {
  volatile char space[300'000];
  space[depth % 4096] = 1;
  return depth == last_depth ? 0 : huge_frames(depth + 1) + space[depth % 4096];
}

} // namespace crash_test

namespace {

/// A slot in memory that parent and child share.
struct crash_report : testing::Test {
  crash_report()
      : slot(static_cast<crash_record*>(
            ::mmap(nullptr, sizeof(crash_record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~crash_report() override { ::munmap(slot, sizeof(crash_record)); }

  child_end crash(const std::function<void()>& work, bool sandboxed = true) {
    const auto before = [this] { install_crash_handlers(*slot); };
    if (sandboxed) return in_sandbox({}, work, {}, before);
    return in_child([&] {
      before();
      work();
    });
  }

  static std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
  }

  crash_record* slot;
  const std::string program = program_invocation_short_name;
  /// Names come from the program's file, which is found by /proc.
  const bool names_known = ::access("/proc/self/exe", R_OK) == 0;
};

TEST_F(crash_report, a_bad_pointer_is_told_with_address_and_trace) {
  for (const bool sandboxed : {false, true}) {
    *slot = {};
    const auto end = crash([] { crash_test::outer(reinterpret_cast<int*>(0xdead0)); }, sandboxed);
    EXPECT_EQ(end.signal, SIGSEGV) << end;
    const auto crash = check_crash(*slot, end.signal);
    ASSERT_TRUE(crash.present);
    EXPECT_EQ(crash.thread, end.pid);
    EXPECT_EQ(crash.facts.fault_address, 0xdead0u);
    EXPECT_FALSE(crash.facts.stack_overflow);
    const auto lines = describe(crash);
    ASSERT_GE(lines.size(), 2u);
    if (!names_known) continue;
    EXPECT_EQ(lines[0].substr(0, 35), "#0 crash_test::write_to(int volatil") << joined(lines);
    EXPECT_EQ(lines[1].substr(0, 32), "#1 crash_test::outer(int volatil") << joined(lines);
    EXPECT_NE(lines[1].find(")+0x"), std::string::npos) << lines[1];
    EXPECT_TRUE(lines[1].ends_with("(" + program + ")")) << lines[1];
  }
}

TEST_F(crash_report, the_parent_sees_the_real_signal) {
  const std::pair<int, std::function<void()>> ways[] = {
      {SIGSEGV, [] { ::raise(SIGSEGV); }},
      {SIGABRT, [] { std::abort(); }},
      {SIGFPE,
       [] {
         // The compiler may not reason about it, and UBSan not see it.
         asm volatile("xorl %%ecx, %%ecx; movl $1, %%eax; xorl %%edx, %%edx; idivl %%ecx" ::
                          : "eax", "ecx", "edx", "cc");
       }},
      {SIGILL, [] { asm volatile("ud2"); }},
      {SIGBUS, [] { ::raise(SIGBUS); }},
      {SIGABRT, [] { std::terminate(); }},
  };
  for (const auto& [number, way] : ways) {
#ifndef __x86_64__
    if (number == SIGFPE || number == SIGILL) continue;
#endif
    *slot = {};
    const auto end = crash(way);
    EXPECT_EQ(end.signal, number) << end;
    const auto crash = check_crash(*slot, end.signal);
    EXPECT_TRUE(crash.present) << number;
    EXPECT_EQ(crash.facts.fault_address.has_value(), number == SIGFPE || number == SIGILL) << number;
    EXPECT_FALSE(crash.facts.stack_overflow) << number;
    EXPECT_GE(describe(crash).size(), 3u) << number;
  }
}

TEST_F(crash_report, endless_recursion_is_told_from_other_faults) {
  for (const auto& way : {+[] { crash_test::recurse(1); }, +[] { crash_test::huge_frames(1); }}) {
    *slot = {};
    const auto end = crash(way);
    EXPECT_EQ(end.signal, SIGSEGV) << end;
    const auto crash = check_crash(*slot, end.signal);
    ASSERT_TRUE(crash.present);
    EXPECT_TRUE(crash.facts.stack_overflow);
    EXPECT_EQ(crash.frames.size(), crash_record::max_frames);
    if (!names_known) continue;
    EXPECT_NE(joined(describe(crash)).find(way == +[] { crash_test::recurse(1); } ? "recurse" : "crash_test::"),
              std::string::npos);
  }
}

TEST_F(crash_report, a_call_through_a_bad_pointer_names_the_caller) {
#ifdef __x86_64__
  const auto end = crash([] {
    void (*volatile nowhere)() = nullptr;
    asm volatile("call *%0" ::"r"(nowhere) : "memory");
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  const auto lines = describe(check_crash(*slot, end.signal));
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0], "#0 0x0 (unknown)");
  EXPECT_NE(lines[1].find("(" + program + ")"), std::string::npos) << joined(lines);
#endif
}

TEST_F(crash_report, a_broken_stack_costs_the_trace_alone) {
#ifdef __x86_64__
  const auto end = crash([] { asm volatile("movq $16, %%rsp; movq $16, %%rbp; movl $1, 8" ::: "memory"); });
  EXPECT_EQ(end.signal, SIGSEGV) << end;
  const auto crash = check_crash(*slot, end.signal);
  ASSERT_TRUE(crash.present);
  EXPECT_EQ(crash.facts.fault_address, 8u);
  EXPECT_GE(crash.frames.size(), 1u);
#endif
}

TEST_F(crash_report, a_thread_tells_too) {
  const auto end = crash([] { std::thread([] { crash_test::outer(nullptr); }).join(); }, false);
  EXPECT_EQ(end.signal, SIGSEGV);
  const auto crash = check_crash(*slot, end.signal);
  ASSERT_TRUE(crash.present);
  EXPECT_NE(crash.thread, end.pid);
  if (names_known) {
    EXPECT_NE(joined(describe(crash)).find("crash_test::outer"), std::string::npos);
  }
}

TEST_F(crash_report, no_crash_no_report) {
  const auto end = crash([] { ::kill(::getpid(), SIGKILL); });
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_FALSE(check_crash(*slot, end.signal).present);
  slot->state = 3;
  slot->signal = SIGSEGV;
  clear_crash(*slot);
  EXPECT_FALSE(check_crash(*slot, SIGSEGV).present);
}

TEST_F(crash_report, a_hostile_record_is_read_within_its_bounds) {
  std::memset(static_cast<void*>(slot), 0xff, sizeof *slot);
  EXPECT_FALSE(check_crash(*slot, SIGSEGV).present);
  slot->state = 3;
  EXPECT_FALSE(check_crash(*slot, SIGSEGV).present);
  slot->signal = SIGTERM;
  EXPECT_FALSE(check_crash(*slot, SIGTERM).present) << "no signal of ours";
  slot->signal = SIGABRT;
  EXPECT_FALSE(check_crash(*slot, SIGKILL).present) << "the process died of another one";
  const auto crash = check_crash(*slot, SIGABRT);
  ASSERT_TRUE(crash.present);
  EXPECT_EQ(crash.frames.size(), crash_record::max_frames);
  EXPECT_FALSE(crash.facts.fault_address.has_value());
  EXPECT_FALSE(crash.facts.stack_overflow);
  EXPECT_GE(crash.thread, 0);
  const auto lines = describe(crash);
  ASSERT_EQ(lines.size(), crash_record::max_frames);
  EXPECT_EQ(lines[31], "#31 0xffffffffffffffff (unknown)");
  slot->frames[0] = {module_hash(""), ~std::uint64_t{0}};
  EXPECT_EQ(describe(check_crash(*slot, SIGABRT))[0], "#0 0xffffffffffffffff (" + program + ")");
}

TEST_F(crash_report, a_resolver_of_its_own_names_frames) {
  checked_crash crash;
  crash.frames = {{1, 0x10}, {2, 0x20}};
  const auto lines = describe(crash, [](const crash_frame& frame, bool exact) {
    return frame.module == 1 ? std::string(exact ? "exact" : "return") : std::string();
  });
  EXPECT_EQ(joined(lines), "#0 exact\n#1 0x20 (unknown)\n");
}

} // namespace

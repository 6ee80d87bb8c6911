#include <weir/offload/process_errors.hpp>

#include <gtest/gtest.h>

#include <csignal>

using namespace weir;

namespace {

const job_trace job{.function = "thumbs::make", .pid = 77, .last_output = "last words", .resident_bytes = 300u << 20};

TEST(process_errors, a_crash_says_what_whom_and_what_to_do) {
  try {
    throw worker_crashed(job, {.signal = SIGSEGV, .fault_address = 0x10, .trace = {"#0 f+0x1 (weir)"}});
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::job_failed);
    EXPECT_STREQ(e.what(),
                 "the job thumbs::make crashed its worker process 77 with SIGSEGV: it used an invalid address "
                 "(at 0x10). See its trace and last output. Other jobs are not affected");
    const auto& crash = dynamic_cast<const worker_crashed&>(e);
    EXPECT_EQ(crash.signal_name(), "SIGSEGV");
    EXPECT_EQ(crash.function(), "thumbs::make");
    EXPECT_EQ(crash.pid(), 77);
    EXPECT_EQ(crash.last_output(), "last words");
    EXPECT_EQ(crash.resident_bytes(), 300u << 20);
    EXPECT_EQ(crash.facts().trace.size(), 1u);
  }
  const auto text = [](crash_facts facts) { return std::string(worker_crashed(job, std::move(facts)).what()); };
  EXPECT_NE(text({.signal = SIGSEGV, .fault_address = 1, .stack_overflow = true}).find("recursion"), std::string::npos);
  EXPECT_NE(text({.signal = SIGKILL}).find("kernel's log"), std::string::npos);
  EXPECT_NE(text({.signal = SIGSYS}).find("sandbox forbids"), std::string::npos);
  EXPECT_NE(text({.signal = SIGXCPU}).find("CPU time"), std::string::npos);
  EXPECT_NE(text({.signal = SIGABRT, .core_dumped = true}).find("core file"), std::string::npos);
  EXPECT_EQ(signal_name(SIGXFSZ), "SIGXFSZ");
  EXPECT_EQ(signal_name(4711), "signal 4711");
}

TEST(process_errors, each_has_its_code_and_its_fields) {
  const worker_exited exited(job, 3);
  EXPECT_EQ(exited.code(), errc::job_failed);
  EXPECT_EQ(exited.exit_code(), 3);
  EXPECT_NE(std::string(exited.what()).find("exit code 3"), std::string::npos);

  const job_memory_limit memory(job, 256u << 20);
  EXPECT_EQ(memory.code(), errc::too_large);
  EXPECT_EQ(memory.limit_bytes(), 256u << 20);
  EXPECT_NE(std::string(memory.what()).find("limit of 256 MiB (its process held 300 MiB)"), std::string::npos);

  const job_timeout late(job, std::chrono::milliseconds(1500));
  EXPECT_EQ(late.code(), errc::timeout);
  EXPECT_EQ(late.limit().count(), 1500);
  EXPECT_NE(std::string(late.what()).find("thumbs::make was not done within 1500 ms"), std::string::npos);

  const function_suspended suspended("f", 5, std::chrono::seconds(10), "it crashed");
  EXPECT_EQ(suspended.code(), errc::unavailable);
  EXPECT_EQ(suspended.deaths(), 5);
  EXPECT_EQ(suspended.retry_after().count(), 10'000);
  EXPECT_EQ(suspended.function(), "f");
  EXPECT_NE(std::string(suspended.what()).find("the last time: it crashed"), std::string::npos);

  EXPECT_EQ(worker_unavailable("f", "no memory").code(), errc::unavailable);
  EXPECT_NE(std::string(worker_unavailable("f", "no memory").what()).find("f: no memory"), std::string::npos);
  EXPECT_EQ(pool_closed("f").function(), "f");
}

TEST(process_errors, the_end_of_the_output_is_kept) {
  job_trace talkative = job;
  talkative.last_output = std::string(10'000, 'a') + "end";
  const worker_exited exited(talkative, 1);
  EXPECT_EQ(exited.last_output().size(), 4096u);
  EXPECT_TRUE(exited.last_output().ends_with("aend"));
}

} // namespace

#include "offload/in_child.hpp"
#include "offload/sandbox/kernel.hpp"

#include <weir/media/prepare.hpp>
#include <weir/media/rgb_image.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>

// What a job may go on doing in the sandbox: computing, decoding, speaking with its parent, failing in the usual ways.

using namespace weir;
using namespace weir::forked;

namespace {

std::vector<std::byte> picture(const std::string& name) {
  const std::string here = __FILE__;
  const std::string path = here.substr(0, here.rfind("/offload/")) + "/media/data/" + name;
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::byte> out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

/// Keeps the compiler from leaving out memory that nobody reads.
void use(std::vector<char>& memory) { asm volatile("" : : "r"(memory.data()) : "memory"); }

TEST(sandbox_work, computing_goes_on) {
  const auto end = in_sandbox([] {
    std::vector<std::string> texts;
    for (int i = 0; i < 100'000; ++i) texts.push_back(std::to_string(i) + std::string(40, 'x'));
    std::vector<char> large(200 << 20, 1);
    use(large);
    std::map<int, std::vector<char>> sizes;
    for (int i = 1; i < 200; ++i) sizes[i].resize(static_cast<std::size_t>(i) << 12);
    for (int i = 1; i < 200; i += 2) sizes.erase(i);
    try {
      throw std::runtime_error("caught");
    } catch (const std::exception& e) {
      say(e.what());
    }
    say(texts[77'777].substr(0, 5) == "77777" && large[large.size() - 1] == 1 ? " memory" : " no memory");
    std::random_device device;
    say(device() != device() || device() != device() ? " random" : " not random");
    timespec now{}, pause{0, 1'000'000};
    say(::clock_gettime(CLOCK_REALTIME, &now) == 0 && ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0 &&
                ::nanosleep(&pause, nullptr) == 0
            ? " time"
            : " no time");
    const std::time_t second = 0;
    std::tm parts{};
    say(::localtime_r(&second, &parts) ? " date" : " no date"); // the time zone's file is not there: UTC
    say(std::thread::hardware_concurrency() >= 1 ? " cpus" : " none");
    say(std::sqrt(std::stod("1.44")) > 1.19 ? " numbers" : " no numbers");
  });
  EXPECT_EQ(end.said, "caught memory random time date cpus numbers") << end;
  EXPECT_EQ(end.exit_code, 0);
}

TEST(sandbox_work, stdio_writes_to_a_kept_pipe) {
  const auto end = in_sandbox(
      {},
      [] {
        std::printf("printf %d %s", 42, "text");
        std::fflush(stdout);
        std::fprintf(stderr, " stderr");
      },
      {1, 2},
      [] {
        ::dup2(say_fd, 1);
        ::dup2(say_fd, 2);
      });
  EXPECT_NE(end.said.find("printf 42 text stderr"), std::string::npos) << end;
}

TEST(sandbox_work, messages_and_waiting_on_kept_descriptors) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  ASSERT_EQ(::send(ends[0], "ping", 4, 0), 4);
  const auto end = in_sandbox({},
                              [&] {
                                pollfd waiting{ends[1], POLLIN, 0};
                                say(std::to_string(::poll(&waiting, 1, 10'000)));
                                char text[8] = {};
                                iovec piece{text, sizeof text};
                                msghdr message{};
                                message.msg_iov = &piece;
                                message.msg_iovlen = 1;
                                say(std::to_string(::recvmsg(ends[1], &message, 0)) + text);
                                piece.iov_len = 4;
                                say(std::to_string(::sendmsg(ends[1], &message, MSG_NOSIGNAL)));
                                say(std::to_string(::send(ends[1], "more", 4, MSG_NOSIGNAL)));
                              },
                              {ends[1]});
  EXPECT_EQ(end.said, "14ping44") << end;
  char text[8] = {};
  EXPECT_EQ(::recv(ends[0], text, sizeof text, MSG_DONTWAIT), 4);
  EXPECT_STREQ(text, "ping");
  for (int fd : ends) ::close(fd);
}

TEST(sandbox_work, a_shared_mapping_of_a_kept_memfd_works_but_cannot_be_resized) {
  const int fd = ::memfd_create("ring", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 8192), 0);
  const auto end = in_sandbox({},
                              [fd] {
                                void* at = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                                say_outcome("map", at == MAP_FAILED ? -1 : 0);
                                if (probe_sandbox().seccomp)
                                  for (const int flags : {MAP_SHARED, MAP_PRIVATE})
                                    if (::mmap(nullptr, 8192, PROT_READ | PROT_EXEC, flags, fd, 0) != MAP_FAILED)
                                      say("executable ");
                                if (at != MAP_FAILED) std::strcpy(static_cast<char*>(at), "from inside");
                                // A parent that reads a mapping cut short would die of SIGBUS.
                                const long outcome = ::ftruncate(fd, 0);
                                say(outcome == 0 ? "cut" : probe_sandbox().seccomp ? "kept" : "unfiltered");
                                say_outcome(" beyond", ::pwrite(fd, "x", 1, 8192));
                              },
                              {fd});
  if (probe_sandbox().seccomp) {
    EXPECT_EQ(end.said, "map:ok kept beyond:EFBIG ") << end;
  }
  char text[16] = {};
  EXPECT_EQ(::pread(fd, text, 11, 0), 11);
  EXPECT_STREQ(text, "from inside");
  ::close(fd);
}

TEST(sandbox_work, a_thread_is_refused_politely_unless_allowed) {
  WEIR_NEEDS_SECCOMP();
  const auto refused = in_sandbox([] {
    try {
      std::thread([] { say("ran "); }).join();
    } catch (const std::system_error& e) {
      say("refused ");
    }
    say("lives");
  });
  EXPECT_EQ(refused.said, "refused lives") << refused;
  const auto granted = in_sandbox({.allow_threads = true}, [] {
    std::thread([] {
      say("ran ");
      std::vector<int> some(1'000'000, 1);
      say_outcome("fork", ::fork());
    }).join();
    say("joined");
  });
  EXPECT_EQ(granted.said, "ran fork:EPERM joined") << granted;
}

TEST(sandbox_work, memory_beyond_the_limit_is_bad_alloc_and_the_job_goes_on) {
  if (detail::under_sanitizer) GTEST_SKIP() << "the limit is not enforced under a sanitizer, and the report says so";
  const auto end = in_sandbox({.memory_limit_bytes = 64 << 20}, [] {
    std::vector<char> fits(40 << 20, 1);
    use(fits);
    try {
      std::vector<char> too_much(std::size_t{100} << 20, 1);
      use(too_much);
      say("taken");
    } catch (const std::bad_alloc&) {
      say("bad_alloc ");
    }
    std::vector<std::vector<char>> small;
    try {
      for (;;) small.emplace_back(10'000, 'x');
    } catch (const std::bad_alloc&) {
      const bool as_limited = small.size() > 100 && small.size() < 6500;
      small.clear();
      say(as_limited ? "small " : "at another size ");
    }
    std::vector<char> again(10 << 20, 1);
    use(again);
    throw std::bad_alloc();
  });
  EXPECT_EQ(end.said, "bad_alloc small threw std::bad_alloc") << end;
  EXPECT_EQ(end.exit_code, 77);
}

TEST(sandbox_work, the_limit_counts_from_what_is_held_on_entering) {
  if (detail::under_sanitizer) GTEST_SKIP() << "not enforced under a sanitizer";
  std::vector<char> preloaded;
  const auto end = in_sandbox(
      {.memory_limit_bytes = 64 << 20},
      [] {
        std::vector<char> fits(50 << 20, 1);
        use(fits);
        say("fits");
      },
      {}, [&] { preloaded.assign(300 << 20, 1); });
  EXPECT_EQ(end.said, "fits") << end;
}

TEST(sandbox_work, memory_can_be_limited_without_the_sandbox) {
  const auto end = in_child([] {
    const bool limited = detail::limit_memory(32 << 20);
    say(limited ? "limited " : "not enforced ");
    std::vector<char> some(16 << 20, 1);
    use(some);
    std::vector<char> more(limited ? 32 << 20 : 1, 1);
    use(more);
  });
  EXPECT_EQ(end.said, detail::under_sanitizer ? "not enforced " : "limited threw std::bad_alloc") << end;
}

TEST(sandbox_work, endless_computing_ends_at_the_cpu_limit) {
  const auto end = in_sandbox({.cpu_limit = std::chrono::seconds(1)}, [] {
    for (volatile unsigned i = 0;; i = i + 1) {}
  });
  EXPECT_EQ(end.signal, SIGXCPU) << end;
  const auto stubborn = in_sandbox({.cpu_limit = std::chrono::seconds(1)}, [] {
    ::signal(SIGXCPU, SIG_IGN);
    for (volatile unsigned i = 0;; i = i + 1) {}
  });
  EXPECT_EQ(stubborn.signal, SIGKILL) << stubborn;
  EXPECT_FALSE(stubborn.late) << "it was the test that killed it";
}

TEST(sandbox_work, raise_and_abort_reach_the_process_itself) {
  EXPECT_EQ(in_sandbox([] { ::raise(SIGSEGV); }).signal, SIGSEGV);
  EXPECT_EQ(in_sandbox([] { std::abort(); }).signal, SIGABRT);
  EXPECT_EQ(in_sandbox([] { ::kill(::getpid(), SIGTERM); }).signal, SIGTERM);
}

TEST(sandbox_work, pictures_are_decoded_from_memory) {
  for (const char* name : {"plain.jpg", "progressive.jpg", "cmyk.jpg", "wide_gamut.jpg", "rgb.png", "rgba16.png",
                           "grey16_adam7.png", "lossy.webp", "lossless.webp", "alpha.webp", "animated.webp"}) {
    const auto bytes = picture(name);
    ASSERT_FALSE(bytes.empty()) << name;
    const auto end = in_sandbox([&] {
      std::size_t written = 0;
      const auto result = media::prepare_image(media::image_source::from_bytes(bytes), {.width = 320, .height = 180},
                                               [&](std::span<const std::byte> part) { written += part.size(); });
      say(result.output_bytes == written && written > 1000 ? "decoded" : "empty");
    });
    EXPECT_EQ(end.said, "decoded") << name << ": " << end;
  }
}

} // namespace

#include "offload/other_process.hpp"
#include "offload/process/doorbell.hpp"
#include "offload/process/job_ring.hpp"
#include "offload/process/job_ring_end.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::detail;
using namespace weir::testing_offload;
using namespace std::chrono_literals;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
unique_fd another(int descriptor) { return unique_fd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)); }

/// The texts must outlive it.
ring_request request(std::uint64_t id, const std::string& thunk, const std::string& payload) {
  ring_request made;
  made.id = id;
  made.thunk = bytes_of(thunk);
  made.payload = bytes_of(payload);
  return made;
}

void answer(job_ring_end& end, const std::string& text, std::uint32_t flags = 0) {
  std::memcpy(end.reply_room().data(), text.data(), text.size());
  end.complete(static_cast<std::uint32_t>(text.size()), flags);
}

/// Answers "<thunk>:<payload>" until the ring is closed.
void echo(job_ring_end& end, bell_rope& rope) {
  while (auto job = end.wait_take()) {
    answer(end, text_of(job->thunk) + ":" + text_of(job->payload), job->flags + 1);
    rope.ring();
  }
}

/// Sleeps as a loop does until a reply is there or `limit` is over.
job_ring::verdict pop_wait(job_ring& ring, doorbell& bell, ring_reply& into, std::chrono::milliseconds limit = 60s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto got = ring.pop(into);
    if (got != job_ring::verdict::nothing || std::chrono::steady_clock::now() > deadline) return got;
    bell.sleep();
    if (!ring.has_news()) {
      pollfd waiting{bell.descriptor(), POLLIN, 0};
      ::poll(&waiting, 1, static_cast<int>(limit.count()));
      bell.drain();
    }
    bell.awake();
  }
}

struct echo_process {
  explicit echo_process(std::uint32_t depth = 8, std::chrono::nanoseconds linger = 0ns)
      : ring(depth), worker([&] {
          job_ring_end end(ring.descriptor(), ring.size_bytes(), linger);
          bell_rope rope(bell.page_descriptor(), another(bell.rope_descriptor()));
          echo(end, rope);
        }) {}
  job_ring ring;
  doorbell bell;
  other_process worker;
};

TEST(job_ring, carries_requests_there_and_replies_back) {
  echo_process other;
  ring_reply reply;
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    const std::string thunk = "thunk", payload = std::to_string(id);
    auto one = request(id, thunk, payload);
    one.flags = 7;
    ASSERT_TRUE(other.ring.push(one));
    other.ring.notify();
    ASSERT_EQ(pop_wait(other.ring, other.bell, reply), job_ring::verdict::reply);
    EXPECT_EQ(reply.id, id);
    EXPECT_EQ(reply.flags, 8u);
    EXPECT_EQ(text_of(reply.payload()), "thunk:" + payload);
    EXPECT_EQ(other.ring.outstanding(), 0u);
  }
  EXPECT_EQ(other.ring.pop(reply), job_ring::verdict::nothing);
  other.ring.close();
  EXPECT_EQ(other.worker.join(), 0);
}

TEST(job_ring, carries_many_at_once_with_one_wake_up) {
  for (const auto linger : {0ns, 20000ns}) {
    echo_process other(64, linger);
    ring_reply reply;
    std::uint64_t pushed = 0, got = 0;
    const std::string thunk = "t", payload = "p";
    while (got < 50'000) {
      while (pushed < 50'000 && other.ring.has_room()) ASSERT_TRUE(other.ring.push(request(++pushed, thunk, payload)));
      other.ring.notify();
      ASSERT_EQ(pop_wait(other.ring, other.bell, reply), job_ring::verdict::reply);
      do ASSERT_EQ(reply.id, ++got);
      while (other.ring.pop(reply) == job_ring::verdict::reply);
      ASSERT_EQ(other.ring.broken_because(), nullptr);
    }
    other.ring.close();
    EXPECT_EQ(other.worker.join(), 0);
  }
}

TEST(job_ring, is_full_at_its_depth) {
  job_ring ring(4);
  const std::string text = "x";
  for (std::uint64_t id = 1; id <= 4; ++id) EXPECT_TRUE(ring.push(request(id, text, text)));
  EXPECT_FALSE(ring.has_room());
  EXPECT_FALSE(ring.push(request(5, text, text)));
  EXPECT_EQ(ring.outstanding_ids(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_THROW(job_ring(0), error);
  EXPECT_THROW(job_ring(65), error);
}

TEST(job_ring, takes_what_fits_into_a_slot) {
  job_ring ring;
  const std::string thunk(30, 't'), fits(inline_bytes - 30, 'p'), large(inline_bytes - 29, 'p');
  EXPECT_TRUE(ring.push(request(1, thunk, fits)));
  EXPECT_THROW(ring.push(request(2, thunk, large)), error);
  EXPECT_THROW(ring.push(request(0, thunk, fits)), error);
  job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
  const auto job = end.try_take();
  ASSERT_TRUE(job);
  EXPECT_EQ(text_of(job->thunk), thunk);
  EXPECT_EQ(text_of(job->payload), fits);
}

TEST(job_ring, a_retracted_job_never_starts) {
  job_ring ring(4);
  job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
  const std::string text = "x";
  for (std::uint64_t id = 1; id <= 4; ++id) ring.push(request(id, text, text));
  EXPECT_TRUE(ring.retract(2));
  EXPECT_FALSE(ring.retract(2));
  EXPECT_FALSE(ring.retract(99));
  EXPECT_EQ(end.try_take()->id, 1u);
  EXPECT_TRUE(ring.started(1));
  EXPECT_FALSE(ring.started(3));
  EXPECT_FALSE(ring.retract(1));
  EXPECT_EQ(ring.broken_because(), nullptr);
  end.complete(0);
  EXPECT_EQ(end.try_take()->id, 3u);
  end.complete(0);
  ring_reply reply;
  EXPECT_EQ(ring.pop(reply), job_ring::verdict::reply);
  EXPECT_EQ(ring.pop(reply), job_ring::verdict::reply);
  EXPECT_EQ(reply.id, 3u);
  EXPECT_TRUE(ring.retract(4));
  EXPECT_FALSE(end.try_take());
  // The slots are used again, also those that the worker has not looked at since.
  for (std::uint64_t id = 5; id <= 8; ++id) ASSERT_TRUE(ring.push(request(id, text, text)));
  for (std::uint64_t id = 5; id <= 8; ++id) EXPECT_TRUE(ring.retract(id));
  for (std::uint64_t id = 9; id <= 12; ++id) ASSERT_TRUE(ring.push(request(id, text, text)));
  EXPECT_EQ(end.try_take()->id, 9u);
}

TEST(job_ring, each_job_is_either_taken_or_retracted) {
  doorbell bell;
  job_ring ring(8);
  other_process worker([&] {
    job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
    bell_rope rope(bell.page_descriptor(), another(bell.rope_descriptor()));
    echo(end, rope);
  });
  const std::string text = "x";
  ring_reply reply;
  std::uint64_t next = 1, answered = 0, retracted = 0;
  std::vector<std::uint64_t> gone;
  while (answered < 5000 || retracted < 500) {
    ASSERT_LT(next, 5'000'000u);
    while (ring.has_room()) ring.push(request(next++, text, text));
    ring.notify();
    for (const auto id : ring.outstanding_ids())
      if (id % 3 == 0 && ring.retract(id)) {
        ++retracted;
        gone.push_back(id);
      }
    while (ring.pop(reply) == job_ring::verdict::reply) {
      ++answered;
      ASSERT_FALSE(!gone.empty() && std::find(gone.end() - std::min<std::ptrdiff_t>(64, std::ssize(gone)), gone.end(),
                                              reply.id) != gone.end());
    }
    ASSERT_EQ(ring.broken_because(), nullptr);
  }
  while (ring.outstanding() > 0) ASSERT_EQ(pop_wait(ring, bell, reply), job_ring::verdict::reply);
  ring.close();
  EXPECT_EQ(worker.join(), 0);
}

TEST(job_ring, a_job_sees_that_it_is_to_stop) {
  doorbell bell;
  job_ring ring;
  other_process worker([&] {
    job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
    bell_rope rope(bell.page_descriptor(), another(bell.rope_descriptor()));
    while (auto job = end.wait_take()) {
      answer(end, job->flags == 1 ? (end.wait_for_stop(60s) ? "stopped" : "late")
                                  : (end.stop_requested() ? "stopped" : "not"));
      rope.ring();
    }
  });
  const std::string text = "x";
  auto stopped = request(1, text, text);
  stopped.flags = 1;
  ring.push(stopped);
  ring.push(request(2, text, text));
  ring.notify();
  ASSERT_TRUE(eventually([&] { return ring.started(1); }));
  EXPECT_EQ(ring.running(), 1u);
  EXPECT_TRUE(ring.cancel(1));
  ring_reply reply;
  ASSERT_EQ(pop_wait(ring, bell, reply), job_ring::verdict::reply);
  EXPECT_EQ(text_of(reply.payload()), "stopped");
  EXPECT_FALSE(ring.cancel(1));
  ASSERT_EQ(pop_wait(ring, bell, reply), job_ring::verdict::reply);
  EXPECT_EQ(text_of(reply.payload()), "not");
  EXPECT_EQ(ring.running(), 0u);
}

TEST(job_ring, its_size_cannot_be_changed_by_the_other_side) {
  job_ring ring;
  doorbell bell;
  other_process worker([&] {
    if (::ftruncate(ring.descriptor(), 0) == 0 || errno != EPERM) ::_exit(1);
    if (::ftruncate(ring.descriptor(), 1 << 20) == 0 || errno != EPERM) ::_exit(2);
    if (::fcntl(ring.descriptor(), F_ADD_SEALS, F_SEAL_WRITE) == 0) ::_exit(3);
    // The page that says whether the loop sleeps is not the worker's to write.
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bell.page_descriptor(), 0);
    if (page != MAP_FAILED) ::_exit(4);
    page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, bell.page_descriptor(), 0);
    if (page == MAP_FAILED || ::mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0) ::_exit(5);
    char stolen;
    if (::read(bell.rope_descriptor(), &stolen, 1) >= 0 || errno != EBADF) ::_exit(6);
    // Emptying it is only another way to scribble.
    if (::fallocate(ring.descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0) ::_exit(7);
  });
  EXPECT_EQ(worker.join(), 0);
  ring_reply reply;
  EXPECT_EQ(ring.pop(reply), job_ring::verdict::nothing);
}

// Each breaks one rule on its own; what the parent thinks of it.
TEST(job_ring, knows_a_worker_that_breaks_the_rules) {
  const std::string text = "x";
  const auto verdict_after = [&](const std::function<void(job_ring&, ring_view)>& crime) {
    job_ring ring(4);
    for (std::uint64_t id = 1; id <= 3; ++id) ring.push(request(id, text, text));
    job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
    end.try_take();
    answer(end, "fine");
    crime(ring, ring.view());
    ring_reply reply;
    const auto got = ring.pop(reply);
    EXPECT_EQ(ring.broken_because() != nullptr, got == job_ring::verdict::broken);
    if (got == job_ring::verdict::broken) {
      EXPECT_TRUE(ring.has_news());
      EXPECT_EQ(ring.pop(reply), job_ring::verdict::broken);
      EXPECT_FALSE(ring.push(request(9, text, text)));
    }
    return got;
  };
  using enum job_ring::verdict;
  EXPECT_EQ(verdict_after([](job_ring&, ring_view) {}), reply);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).id = 2; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).id = 77; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).word = 2; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).word = ~0ull; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).payload_bytes = inline_bytes + 1; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).payload_bytes = ~0u; }), broken);
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.reply(0).length = 5; }), broken);
  EXPECT_EQ(verdict_after([](job_ring& ring, ring_view v) {
              v.request(1).word = 12345;
              EXPECT_FALSE(ring.retract(2));
            }),
            broken);
  EXPECT_EQ(verdict_after([](job_ring& ring, ring_view) { EXPECT_TRUE(ring.retract(1) || true); }), reply);
  // What the parent wrote is not read back: this hurts the worker alone.
  EXPECT_EQ(verdict_after([](job_ring&, ring_view v) { v.request(0).id = 9, v.header().depth = 99; }), reply);
}

TEST(job_ring, a_retracted_or_doubled_answer_is_no_answer) {
  job_ring ring(4);
  const std::string text = "x";
  for (std::uint64_t id = 1; id <= 2; ++id) ring.push(request(id, text, text));
  EXPECT_TRUE(ring.retract(1));
  ring.view().reply(0).id = 1;
  ring.view().reply(0).word = 1;
  ring_reply reply;
  EXPECT_EQ(ring.pop(reply), job_ring::verdict::broken);

  job_ring second(4);
  second.push(request(1, text, text));
  for (std::uint64_t i = 0; i < 2; ++i) {
    second.view().reply(i).id = 1;
    second.view().reply(i).word = i + 1;
  }
  EXPECT_EQ(second.pop(reply), job_ring::verdict::reply);
  EXPECT_EQ(second.pop(reply), job_ring::verdict::broken);
}

TEST(job_ring, a_worker_that_scribbles_all_over_does_no_harm) {
  std::uint64_t verdicts[3] = {};
  const auto until = std::chrono::steady_clock::now() + 3s;
  for (unsigned round = 0; std::chrono::steady_clock::now() < until; ++round) {
    job_ring ring(8);
    other_process worker([&] {
      auto region = shared_region::attach(ring.descriptor(), ring.size_bytes(), shared_region::access::read_write);
      auto* words = reinterpret_cast<volatile std::uint64_t*>(region.data());
      const std::size_t count = region.size_bytes() / 8;
      std::uint64_t state = round * 0x9E3779B97F4A7C15u + 1;
      const auto random = [&] { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; };
      for (;;) {
        const std::uint64_t at = random() % count;
        // Small numbers are the ones that look right.
        words[at] = random() % 4 == 0 ? random() : random() % 12;
      }
    });
    ring_reply reply;
    std::uint64_t id = 0;
    const std::string text(100, 'x');
    for (int i = 0; i < 20'000 && !ring.broken_because(); ++i) {
      if (ring.has_room()) ring.push(request(++id, text, text));
      ring.notify();
      if (i % 5 == 0 && id > 2) ring.retract(id - 1);
      if (i % 7 == 0 && id > 2) ring.cancel(id);
      const auto got = ring.pop(reply);
      ++verdicts[static_cast<int>(got)];
      if (got == job_ring::verdict::reply) {
        ASSERT_LE(reply.payload().size(), inline_bytes);
        ASSERT_LE(reply.id, id);
      }
      ASSERT_LE(ring.outstanding(), 8u);
    }
    std::byte crash[4096];
    ring.copy_crash_slot(crash);
    ring.close();
  }
  EXPECT_GT(verdicts[static_cast<int>(job_ring::verdict::broken)], 5u);
}

TEST(job_ring, the_crash_slot_survives_the_worker) {
  job_ring ring;
  other_process worker([&] {
    job_ring_end end(ring.descriptor(), ring.size_bytes(), 0ns);
    std::memset(end.crash_slot(), 'c', 4096);
    ::raise(SIGKILL);
  });
  EXPECT_EQ(worker.join(), -SIGKILL);
  std::byte slot[4096];
  ring.copy_crash_slot(slot);
  EXPECT_EQ(slot[0], std::byte{'c'});
  EXPECT_EQ(slot[4095], std::byte{'c'});
}

TEST(doorbell, is_rung_once_while_the_loop_sleeps) {
  doorbell bell;
  bell_rope rope(bell, another(bell.rope_descriptor()));
  const auto rung = [&] {
    pollfd waiting{bell.descriptor(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  };
  rope.ring();
  EXPECT_FALSE(rung());
  bell.sleep();
  rope.ring();
  EXPECT_TRUE(rung());
  bell.drain();
  rope.ring();
  EXPECT_FALSE(rung());
  bell.awake();
  rope.ring();
  EXPECT_FALSE(rung());
  bell.sleep();
  rope.ring();
  EXPECT_TRUE(rung());
}

// Both ends in one process and at one address, so that a race detector sees all that they share.
TEST(job_ring, two_threads) {
  for (const auto linger : {0ns, 10000ns}) {
    doorbell bell;
    job_ring ring(8);
    std::thread worker([&] {
      job_ring_end end(ring.mapped(), linger);
      bell_rope rope(bell, another(bell.rope_descriptor()));
      echo(end, rope);
    });
    ring_reply reply;
    const std::string text = "x";
    std::uint64_t pushed = 0, gone = 0;
    while (gone < 20'000) {
      while (ring.has_room()) ring.push(request(++pushed, text, text));
      if (pushed % 5 == 0 && ring.retract(pushed)) ++gone;
      if (pushed % 7 == 0) ring.cancel(pushed);
      ring.notify();
      // After a retraction nothing may be under way.
      if (ring.outstanding() == 0) continue;
      const auto got = pop_wait(ring, bell, reply);
      ASSERT_EQ(got, job_ring::verdict::reply);
      ++gone;
      ASSERT_EQ(text_of(reply.payload()), "x:x");
    }
    ring.close();
    worker.join();
  }
}

} // namespace

// What the shared-memory transport between a pool and its worker processes costs: hops of an empty job, and payloads
// there and back. Beside wall time the processor time of both sides. PROGRAM [SECONDS per line, default 1].

#include "offload/transport.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::detail;
using testing_offload::one_worker;
using testing_offload::other_process;
using testing_offload::worker_side;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

double seconds_per_line = 1;

double microseconds(clock_type::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

double own_cpu_us() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto us = [](const timeval& t) { return 1e6 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec); };
  return us(use.ru_utime) + us(use.ru_stime);
}

/// The loop's side of a pool: workers with one doorbell.
struct hop_pool {
  hop_pool(std::size_t workers, std::uint32_t depth, std::chrono::nanoseconds linger) {
    patience.at_most = linger;
    for (std::size_t i = 0; i < workers; ++i) rings.push_back(std::make_unique<job_ring>(depth));
    for (auto& ring : rings)
      processes.push_back(std::make_unique<other_process>([&, linger] {
        job_ring_end end(ring->descriptor(), ring->size_bytes(), linger);
        bell_rope rope(bell.page_descriptor(), unique_fd(::fcntl(bell.rope_descriptor(), F_DUPFD_CLOEXEC, 0)));
        while (auto job = end.wait_take()) {
          std::memcpy(end.reply_room().data(), job->payload.data(), job->payload.size());
          end.complete(static_cast<std::uint32_t>(job->payload.size()));
          rope.ring();
        }
      }));
  }

  void sleep() {
    const auto news = [&] {
      return std::any_of(rings.begin(), rings.end(), [](const auto& ring) { return ring->has_news(); });
    };
    if (patience.poll(news)) return;
    bell.sleep();
    if (!news()) {
      pollfd waiting{bell.descriptor(), POLLIN, 0};
      ::poll(&waiting, 1, -1);
      bell.drain();
    }
    bell.awake();
  }

  doorbell bell;
  std::vector<std::unique_ptr<job_ring>> rings;
  std::vector<std::unique_ptr<other_process>> processes;
  linger patience;
};

/// Keeps `in_flight` jobs on their way: those for which no ring has room wait in a queue, as callers of a pool do.
void hops(const char* name, std::size_t in_flight, std::size_t workers, std::uint32_t depth,
          std::chrono::nanoseconds linger) {
  hop_pool pool(workers, depth, linger);
  std::deque<clock_type::time_point> queue;
  std::vector<clock_type::time_point> begun(in_flight * 4 + 256);
  std::vector<double> took;
  took.reserve(20'000'000);
  std::uint64_t id = 0;
  std::size_t next_ring = 0;
  const std::byte payload[16]{};
  ring_reply reply;
  const auto start = clock_type::now(), warm = start + 100ms;
  const auto end =
      warm + std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds_per_line));
  double cpu = 0;
  auto now = start;
  for (std::size_t i = 0; i < in_flight; ++i) queue.push_back(now);
  while (now < end) {
    for (std::size_t tries = 0; !queue.empty() && tries < workers;) {
      job_ring& ring = *pool.rings[next_ring++ % workers];
      if (!ring.has_room()) {
        ++tries;
        continue;
      }
      tries = 0;
      ring_request request;
      request.id = ++id;
      request.payload = payload;
      begun[id % begun.size()] = queue.front();
      queue.pop_front();
      ring.push(request);
    }
    for (auto& ring : pool.rings)
      if (ring->outstanding() > 0) ring->notify();
    bool any = false;
    for (auto& ring : pool.rings)
      while (ring->pop(reply) == job_ring::verdict::reply) {
        if (!any) now = clock_type::now();
        any = true;
        if (now >= warm) {
          if (cpu == 0) cpu = own_cpu_us();
          took.push_back(microseconds(now - begun[reply.id % begun.size()]));
        }
        queue.push_back(now);
      }
    if (!any) pool.sleep();
  }
  cpu = own_cpu_us() - cpu;
  if (took.empty()) return;
  const double count = static_cast<double>(took.size());
  std::sort(took.begin(), took.end());
  std::printf("%-44s %10.0f /s   p50 %8.2f us   p99 %8.2f us   loop's CPU %6.2f us/hop\n", name,
              count / seconds_per_line, took[took.size() / 2], took[took.size() * 99 / 100], cpu / count);
}

template <class Run>
void payload(const char* name, Run run) {
  std::vector<double> took;
  for (int i = 0; i < 3; ++i) run();
  const auto until = clock_type::now() +
                     std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds_per_line));
  while (clock_type::now() < until || took.size() < 5) {
    const auto start = clock_type::now();
    run();
    took.push_back(microseconds(clock_type::now() - start));
  }
  std::sort(took.begin(), took.end());
  std::printf("%-44s %10.4f ms  (p99 %.4f)\n", name, took[took.size() / 2] / 1000, took[took.size() * 99 / 100] / 1000);
}

void payloads(std::size_t size, const char* label, unpacked_reply::worker whose) {
  one_worker worker(arena::process(), nullptr, 0ns, std::size_t{1} << 30);
  worker.whose = whose;
  const std::string title = std::string(label) + (whose == unpacked_reply::worker::hostile ? ", hostile" : "");
  const std::vector<std::byte> bytes(size, std::byte{1});
  std::vector<std::byte> one(size), two(size), three(size);
  payload((title + ": for comparison, three plain copies").c_str(), [&] {
    std::memcpy(one.data(), bytes.data(), size);
    std::memcpy(two.data(), one.data(), size);
    std::memcpy(three.data(), two.data(), size);
  });
  payload((title + ": vector there and back").c_str(),
          [&] { worker.call([](std::vector<std::byte> given) { return given; }, bytes); });
  payload((title + ": copied into buffer, job copies, copied out").c_str(), [&] {
    const shared_buffer there = shared_buffer::from(bytes);
    const shared_buffer back =
        worker.call([](const shared_buffer& given) { return shared_buffer::from(given); }, there);
    std::memcpy(one.data(), back.data(), size);
  });
  mutable_buffer owned = shared_buffer::make(size);
  payload((title + ": owned buffer, in place").c_str(), [&] {
    owned = worker.call(
        [](mutable_buffer given) {
          *given.data() = std::byte{2};
          return given;
        },
        std::move(owned));
  });
  const shared_buffer shared = shared_buffer::from(bytes);
  payload((title + ": shared buffer, read").c_str(),
          [&] { worker.call([](const shared_buffer& given) { return *given.data(); }, shared); });
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) seconds_per_line = std::atof(argv[1]);
  hops("1 at a time, blocking", 1, 1, 8, 0ns);
  hops("1 at a time, linger 10 us", 1, 1, 8, 10us);
  for (const std::uint32_t depth : {8u, 16u, 32u, 64u}) {
    const std::string ring = ", depth " + std::to_string(depth);
    hops(("100 in flight, 2 workers, blocking" + ring).c_str(), 100, 2, depth, 0ns);
    hops(("100 in flight, 2 workers, linger 10 us" + ring).c_str(), 100, 2, depth, 10us);
  }
  for (const auto whose : {unpacked_reply::worker::trusted, unpacked_reply::worker::hostile}) {
    payloads(std::size_t{1} << 20, "1 MiB", whose);
    payloads(std::size_t{64} << 20, "64 MiB", whose);
  }
}

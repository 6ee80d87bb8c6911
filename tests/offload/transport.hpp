#pragma once

#include "offload/other_process.hpp"
#include "offload/process/arena.hpp"
#include "offload/process/doorbell.hpp"
#include "offload/process/job_buffers.hpp"
#include "offload/process/job_ring.hpp"
#include "offload/process/job_ring_end.hpp"
#include "offload/process/packed_call.hpp"
#include "offload/process/result_area.hpp"
#include "offload/process/unpacked_reply.hpp"
#include "offload/process/worker_memory.hpp"

#include <weir/offload/detail/process_call.hpp>
#include <weir/offload/shared_buffer.hpp>

#include <fcntl.h>
#include <poll.h>

#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace weir::testing_offload {

/// What a worker has; for tests that misuse it.
struct worker_side {
  detail::worker_memory& memory;
  detail::job_ring_end& ring;
  detail::bell_rope& rope;
};

/// The parent's end of one worker process, and a pool's least part: one call at a time, waited for.
class one_worker {
 public:
  /// The worker runs the thunks that it is sent, or `instead` once.
  explicit one_worker(std::shared_ptr<detail::arena> where, std::function<void(worker_side&)> instead = nullptr,
                      std::chrono::nanoseconds linger = {}, std::size_t area_bytes = std::size_t{256} << 20)
      : memory(std::move(where)), area(detail::result_area::make(ring, area_bytes)), process([&] {
          detail::job_ring_end end(ring.descriptor(), ring.size_bytes(), linger);
          detail::bell_rope rope(bell.page_descriptor(),
                                 unique_fd(::fcntl(bell.rope_descriptor(), F_DUPFD_CLOEXEC, 0)));
          auto& own = *new detail::worker_memory(memory->reader_descriptor(), memory->region().size_bytes(),
                                                 area->descriptor(), area->size_bytes(), end.returns());
          detail::buffer_source::use(own);
          worker_side side{own, end, rope};
          if (instead)
            instead(side);
          else
            serve(side);
        }) {}

  static void serve(worker_side& side) {
    while (auto job = side.ring.wait_take()) {
      detail::thunk run;
      std::memcpy(&run, job->thunk.data(), sizeof run); // a fork has its code where its parent has it
      detail::job_buffers buffers(side.memory, side.ring, *job);
      decoder in(buffers.payload());
      std::span<const std::byte> written;
      {
        const detail::buffer_transfer::scope journey(buffers);
        written = run(in, buffers, {});
      }
      buffers.finish(written);
      side.rope.ring();
    }
  }

  struct broken : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  /// Calls the captureless `function` in the worker.
  template <class F, class... Args>
  auto call(F function, Args&&... args) {
    using shape = detail::process_call<F, Args...>;
    const detail::thunk entry = shape::entry();
    auto given = std::make_unique<typename shape::arguments>(shape::convert(std::forward<Args>(args)...));
    detail::packed_call packed(memory, std::as_bytes(std::span(&entry, 1)),
                               [&](encoder& out) { shape::encode(out, function, *given); });
    given.reset(); // as in the pool: the job owns what it was given
    last_home = packed.home();
    last_arena_bytes = packed.arena_bytes();
    ring.push(packed.request(++id, 0, *area));
    ring.notify();
    detail::ring_reply reply;
    wait(reply);
    detail::unpacked_reply opened(reply, *area, packed, whose);
    if (opened.broken_because()) throw broken(opened.broken_because());
    return opened.read(
        [](std::span<const std::byte> bytes) { return detail::read_reply<typename shape::result>(bytes); });
  }

  void wait(detail::ring_reply& reply) {
    for (;;) {
      const auto got = ring.pop(reply);
      if (got == detail::job_ring::verdict::reply) return;
      if (got == detail::job_ring::verdict::broken) throw broken(ring.broken_because());
      bell.sleep();
      if (!ring.has_news()) {
        pollfd waiting{bell.descriptor(), POLLIN, 0};
        if (::poll(&waiting, 1, 60'000) == 0) throw std::runtime_error("no reply within a minute");
        bell.drain();
      }
      bell.awake();
    }
  }

  std::shared_ptr<detail::arena> memory;
  detail::unpacked_reply::worker whose = detail::unpacked_reply::worker::hostile;
  const void* last_home = nullptr;
  std::size_t last_arena_bytes = 0;
  std::uint64_t id = 0;
  detail::doorbell bell;
  detail::job_ring ring;
  std::shared_ptr<detail::result_area> area;
  other_process process;
};

} // namespace weir::testing_offload

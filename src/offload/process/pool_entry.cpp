#include "offload/process/doorbell.hpp"
#include "offload/process/job_buffers.hpp"
#include "offload/process/job_ring_end.hpp"
#include "offload/process/pool_worker.hpp"
#include "offload/process/worker_memory.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/cpus.hpp>
#include <weir/offload/detail/function_name.hpp>
#include <weir/offload/detail/process_call.hpp>

#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace weir::detail {

namespace {

std::size_t size_of(int descriptor) {
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0) throw errno_error(errno, "the shared memory of a worker");
  return static_cast<std::size_t>(facts.st_size);
}

/// Which thunk a request means. The same name comes again and again.
class known_thunk {
 public:
  thunk find(std::span<const std::byte> name) {
    if (found_ && name.size() == name_.size() && std::memcmp(name.data(), name_.data(), name.size()) == 0)
      return found_;
    decoder in(name);
    found_ = resolve(in.get<function_name>());
    name_.assign(name.begin(), name.end());
    return found_;
  }
  thunk find(decoder& in) {
    name_.clear();
    return found_ = resolve(in.get<function_name>());
  }

 private:
  static thunk resolve(const function_name& name) {
    void* address = resolve_function(name);
    set_process_title("weir-worker: " + describe_function(address, "a function"));
    return reinterpret_cast<thunk>(address);
  }

  std::vector<std::byte> name_;
  thunk found_ = nullptr;
};

/// Sets a job's stop token once the parent wants it to stop.
class stop_watch {
 public:
  stop_watch(job_ring_end& ring, bool wanted) {
    if (!wanted) return;
    thread_ = std::jthread([this, &ring](std::stop_token over) {
      while (!over.stop_requested())
        if (ring.wait_for_stop(std::chrono::milliseconds(5))) {
          source_.request_stop();
          return;
        }
    });
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread thread_;
};

void do_job(const taken_job& job, worker_memory& memory, job_ring_end& ring, known_thunk& known) {
  job_buffers buffers(memory, ring, job);
  std::span<const std::byte> written;
  {
    const buffer_transfer::scope journey(buffers);
    try {
      decoder in(buffers.payload());
      const thunk run = (job.flags & flag_name_in_payload) ? known.find(in) : known.find(job.thunk);
      const stop_watch stop(ring, job.flags & flag_wants_stop);
      written = run(in, buffers, thunk_context{stop.token(), nullptr});
    } catch (...) {
      written = write_failure(buffers, "the function", nullptr);
    }
  }
  std::fflush(stdout);
  try {
    buffers.finish(written);
  } catch (...) { // no room
    buffers.drop_results();
    buffers.finish(write_failure(buffers, "the function", nullptr));
  }
}

} // namespace

void pool_worker_main(worker_context& context) {
  // Large results and arguments come again and again: glibc would return their pages each time, and fresh pages are
  // most of what they cost. What a worker keeps for too long is seen by the pool, which then replaces it.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
  ::pthread_atfork(nullptr, nullptr, [] { job_buffers::is_copy = true; });
  using namespace std::chrono_literals;
  job_ring_end ring(context.channel, available_cpus() > 1 ? 10us : 0us);
  // Never destroyed: static objects of the program may hold buffers until the very end.
  auto* const memory = new worker_memory(context.fds[1], size_of(context.fds[1]), context.fds[2],
                                         size_of(context.fds[2]), ring.returns());
  buffer_source::use(*memory);
  bell_rope rope(context.fds[3], unique_fd(context.fds[4]));
  known_thunk known;
  while (const auto job = ring.wait_take()) {
    clear_crash(context.slot->crash);
    context.slot->set_job(job->id);
    do_job(*job, *memory, ring, known); // what it wrote may be read later: the number stays
    rope.ring();
  }
}

} // namespace weir::detail

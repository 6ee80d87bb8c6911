#include "offload/process/host.hpp"

#include "offload/process/connection.hpp"
#include "offload/process/graves.hpp"
#include "offload/process/worker_state.hpp"

#include <weir/core/descriptor.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/codec.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <unordered_map>

namespace weir::detail {

namespace {

constexpr std::chrono::seconds max_start_time{30}; // of the zygote; a static initialiser may take its time
constexpr std::chrono::seconds max_close_time{2};

/// Something will come from outside: the loop is not stuck while this lives.
class outside {
 public:
  outside() : loop_(loop::current()) { loop_.begin_outside(); }
  ~outside() { loop_.end_outside(); }
  outside(const outside&) = delete;
  outside& operator=(const outside&) = delete;

 private:
  loop& loop_;
};

task<void> wait_for(event& happened) {
  const outside expected;
  co_await happened.wait();
}

void check(const worker_options& options) {
  const auto refuse = [](const char* why) { throw error(errc::invalid_argument, std::string("a worker: ") + why); };
  if (!options.entry) refuse("no function to run");
  if (options.fds.empty() || options.fds.size() > max_worker_fds) refuse("give 1 to 16 descriptors, the channel first");
  const std::uint64_t offset = options.slot_offset_bytes, room = options.channel.size();
  if (offset % 64 != 0 || room < sizeof(worker_slot) || offset > room - sizeof(worker_slot))
    refuse("the slot must lie within the mapped channel, at a multiple of 64");
  const int seals = ::fcntl(options.fds.front(), F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK))
    refuse("the channel must be a memfd with F_SEAL_SHRINK, or the worker could take its memory away");
}

unique_fd make_pipe(unique_fd& reading) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw error(errc::unavailable, errno_error(errno, "a pipe for a worker's output").what());
  reading.reset(ends[0]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return unique_fd(ends[1]);
}

} // namespace

struct process_host::impl {
  using state_ptr = std::shared_ptr<worker_state>;

  void took_message(const zygote_reply& reply, packet& with) {
    const auto found = workers.find(reply.id);
    if (found == workers.end()) return;
    const state_ptr worker = found->second;
    switch (reply.what) {
    case zygote_says::started:
      if (with.fds.size() != 1) { // this process has no descriptor free: what is here cannot be watched
        workers.erase(found);
        if (reply.pid > 1) ::kill(reply.pid, SIGKILL);
        worker->at = worker_state::stage::refused;
        worker->refusal.emplace(errc::unavailable, "a worker process was started, but no descriptor is free to watch "
                                                   "it with (RLIMIT_NOFILE)");
        worker->answered.set();
        break;
      }
      worker->pid = reply.pid;
      worker->pidfd = std::move(with.fds.front());
      worker->at = worker_state::stage::running;
      ++counts.workers_started;
      if (worker->killed) worker->kill(); // asked for in between
      worker->answered.set();
      break;
    case zygote_says::refused:
      workers.erase(found);
      worker->at = worker_state::stage::refused;
      worker->refusal.emplace(reply.code, reply.words());
      worker->answered.set();
      break;
    case zygote_says::ended:
      workers.erase(found);
      ++counts.workers_ended;
      worker->finish(reply.status, reply.max_rss_bytes, false);
      break;
    case zygote_says::hello:
      break;
    }
    if (workers.empty()) all_ended.set();
  }

  /// The zygote is gone, and so are its workers, or will be in a moment.
  void lost_zygote() {
    std::shared_ptr<connection> gone = std::move(zygote);
    dead.add(gone->take_pidfd());
    const auto all = std::exchange(workers, {});
    counts.workers_ended += static_cast<std::uint64_t>(
        std::count_if(all.begin(), all.end(), [](const auto& w) { return w.second->pidfd.get() >= 0; }));
    for (const auto& [id, worker] : all) {
      if (worker->at == worker_state::stage::asked) {
        worker->at = worker_state::stage::refused;
        worker->answered.set();
        continue;
      }
      const bool asked_for = std::exchange(worker->killed, true);
      worker->kill();
      worker->killed = asked_for;
      dead.add(unique_fd(::fcntl(worker->pidfd.get(), F_DUPFD_CLOEXEC, 0)));
      worker->finish(SIGKILL, 0, true);
    }
    all_ended.set();
  }

  void forget_zygote() {
    if (!zygote) return;
    zygote->abandon();
    lost_zygote();
  }

  task<void> need_zygote() {
    auto turn = co_await starting.lock();
    if (zygote && zygote->ready()) co_return;
    forget_zygote();
    // Until the exec is done the calling thread waits for it: some milliseconds that this loop has not got. Shielded,
    // so that what was started is known.
    launched_zygote fresh = co_await shield(run_in_threadpool(thread_options{.limiter = &launching}, launch_zygote));
    zygote = std::make_shared<connection>(
        ++counts.zygotes_started, std::move(fresh),
        [this](const zygote_reply& reply, packet& with) { took_message(reply, with); }, [this] { lost_zygote(); });
    const std::shared_ptr<connection> mine = zygote;
    bool late = false;
    try {
      co_await with_timeout(max_start_time, wait_for(mine->settled()));
    } catch (const error& e) {
      if (e.code() != errc::timeout) throw;
      late = true;
    }
    if (mine->ready() && !mine->lost()) co_return;
    if (zygote == mine) forget_zygote();
    throw error(errc::unavailable, late ? "worker processes: the process that forks them was not ready after 30 s; a "
                                          "static initialiser of this program takes too long"
                                        : mine->obituary());
  }

  /// Returns whether it was sent.
  task<bool> send(std::span<const std::byte> bytes, std::span<const int> fds) {
    for (;;) {
      if (!zygote) co_return false;
      const int failure = send_packet(zygote->socket(), bytes, fds);
      if (failure == 0) co_return true;
      if (failure == EPIPE || failure == ECONNRESET || failure == ENOTCONN) {
        forget_zygote();
        co_return false;
      }
      if (failure == EBADF) throw error(errc::invalid_argument, "a worker: one of its descriptors is not open");
      if (failure != EAGAIN) throw error(errc::unavailable, errno_error(failure, "asking for a worker").what());
      descriptor full(unique_fd(::fcntl(zygote->socket(), F_DUPFD_CLOEXEC, 0)));
      co_await full.writable();
    }
  }

  std::shared_ptr<connection> zygote;
  std::unordered_map<std::uint64_t, state_ptr> workers;
  std::uint64_t last_id = 0;
  process_counters counts;
  event all_ended;
  limiter launching{1};
  mutex starting{"start of the worker processes"};
  graves dead;
};

process_host& process_host::current() {
  return loop::current().local<process_host>([] { return std::make_shared<process_host>(); });
}

process_host::process_host() : impl_(std::make_unique<impl>()) {}

process_host::~process_host() {
  for (const auto& [id, worker] : impl_->workers) worker->disown();
  impl_->forget_zygote();
}

task<void> process_host::prepare() { co_await impl_->need_zygote(); }

task<worker_process> process_host::start_worker(worker_options options) {
  check(options);
  worker_request request;
  request.entry = name_function(reinterpret_cast<const void*>(options.entry));
  request.slot_offset_bytes = options.slot_offset_bytes;
  request.sandbox = options.sandbox;
  request.memory_limit_bytes = options.memory_limit_bytes;
  request.cpu_limit_s = options.cpu_limit.count();
  request.nice = options.nice;
  request.core_dumps = options.core_dumps;
  const std::vector<int> passed = options.fds;
  // What another worker left there is not this one's.
  new (options.channel.data() + options.slot_offset_bytes) worker_slot;
  // A zygote that has died shows that when it is asked; then nothing has begun, and a new one is asked.
  for (int attempt = 0; attempt < 3; ++attempt) {
    co_await impl_->need_zygote();
    auto again = options;
    request.id = ++impl_->last_id;
    encoder message;
    message.put(request);
    if (message.size_bytes() > max_request_bytes)
      throw error(errc::invalid_argument, "a worker: the paths of sandbox_options::read_only_paths are too long");
    worker_process mine(std::make_shared<worker_state>(request.id, std::move(again)));
    const auto& state = mine.state_;
    {
      unique_fd out, err;
      const unique_fd out_end = make_pipe(out), err_end = make_pipe(err);
      std::vector<int> fds{out_end.get(), err_end.get()};
      fds.insert(fds.end(), passed.begin(), passed.end());
      state->watch_output(std::move(out), std::move(err));
      impl_->workers.emplace(request.id, state);
      impl_->all_ended.reset();
      bool sent = false;
      try {
        sent = co_await impl_->send(message.bytes(), fds);
      } catch (...) {
        impl_->workers.erase(request.id);
        throw;
      }
      if (!sent) {
        impl_->workers.erase(request.id);
        continue;
      }
    }
    co_await wait_for(state->answered);
    if (state->at == worker_state::stage::refused) {
      if (state->refusal) throw error(*state->refusal);
      continue;
    }
    state->hand_over();
    co_return mine;
  }
  throw error(errc::unavailable, "worker processes: the process that forks them ended three times in a row");
}

task<void> process_host::close() {
  const auto within = [](event& happened) -> task<void> {
    try {
      co_await with_timeout(max_close_time, wait_for(happened));
    } catch (const error& e) {
      if (e.code() != errc::timeout) throw;
    }
  };
  for (const auto& [id, worker] : impl_->workers) worker->kill();
  // The zygote reaps its own before it goes.
  if (impl_->zygote && !impl_->workers.empty()) co_await within(impl_->all_ended);
  impl_->forget_zygote();
  if (!impl_->dead.empty()) co_await within(impl_->dead.emptied());
}

process_counters process_host::counters() const noexcept {
  process_counters now = impl_->counts;
  now.lingering = static_cast<std::size_t>(
      std::count_if(impl_->workers.begin(), impl_->workers.end(), [](const auto& w) { return w.second->killed; }));
  return now;
}

pid_t process_host::zygote_pid() const noexcept { return impl_->zygote ? impl_->zygote->pid() : 0; }

worker_process::worker_process(worker_process&&) noexcept = default;

worker_process& worker_process::operator=(worker_process&& other) noexcept {
  if (state_ && state_ != other.state_) state_->disown();
  state_ = std::move(other.state_);
  return *this;
}

worker_process::~worker_process() {
  if (state_) state_->disown();
}

pid_t worker_process::pid() const noexcept { return state_->pid; }
int worker_process::pidfd() const noexcept { return state_->pidfd.get(); }
bool worker_process::running() const noexcept { return state_->at == worker_state::stage::running; }
void worker_process::kill() noexcept { state_->kill(); }
void worker_process::drain_output() { state_->drain(); }

task<exit_report> worker_process::ended() {
  const std::shared_ptr<worker_state> state = state_;
  if (state->at != worker_state::stage::over) co_await wait_for(state->over);
  co_return state->report;
}

} // namespace weir::detail

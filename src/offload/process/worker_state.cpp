#include "offload/process/worker_state.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>

namespace weir::detail {

namespace {

// What a pipe holds, and somewhat more for what comes while it is read.
constexpr std::size_t max_drain_bytes = 64 * 1024 + 4096;

// From memory that a hostile process writes: bounded, and harmless in a log.
std::string printable(const char* text, std::size_t room) {
  std::string copy(text, ::strnlen(text, room));
  for (char& letter : copy)
    if (letter < ' ' || letter > '~') letter = '?';
  return copy;
}

} // namespace

worker_state::worker_state(std::uint64_t number, worker_options&& options)
    : id(number), calls_(std::make_shared<callbacks>(std::move(options.on_output), std::move(options.on_exit))),
      channel_(options.channel), slot_offset_bytes_(options.slot_offset_bytes) {}

worker_slot* worker_state::slot() const noexcept {
  return owned ? reinterpret_cast<worker_slot*>(channel_.data() + slot_offset_bytes_) : nullptr;
}

void worker_state::watch_output(unique_fd out, unique_fd err) {
  using stream = output_line::stream;
  pipes_[0] = std::make_unique<output_pipe>(std::move(out), [this](std::string_view p) { read(stream::out, p); });
  pipes_[1] = std::make_unique<output_pipe>(std::move(err), [this](std::string_view p) { read(stream::err, p); });
}

void worker_state::read(output_line::stream from, std::string_view piece) {
  const auto keep = shared_from_this();
  tail_.add(piece);
  if (!calls_->on_output) return;
  auto& cutter = cutters_[from == output_line::stream::out ? 0 : 1];
  cutter.add(piece, [&](std::string_view line) { tell_line(from, line); });
}

void worker_state::tell_line(output_line::stream from, std::string_view line) {
  const auto calls = calls_;
  const worker_slot* const shared = slot();
  if (calls->on_output)
    calls->on_output({pid, shared ? const_cast<worker_slot*>(shared)->current_job() : 0, from, line});
}

void worker_state::drain() {
  const auto keep = shared_from_this();
  for (auto& pipe : pipes_)
    if (pipe) pipe->drain(max_drain_bytes);
}

void worker_state::kill() noexcept {
  if (at == stage::over || at == stage::refused) return;
  killed = true;
  if (pidfd) ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

void worker_state::disown() noexcept {
  owned = false;
  calls_ = std::make_shared<callbacks>();
  kill();
}

void worker_state::hand_over() {
  handed_over = true;
  if (at == stage::over) loop::current().post([keep = shared_from_this()] { keep->tell_exit(); });
}

void worker_state::read_slot() {
  worker_slot* const shared = slot();
  if (!shared) return;
  report.job = shared->current_job();
  if (std::atomic_ref(shared->progress).load(std::memory_order_acquire) == worker_slot::failed)
    report.failure = printable(shared->failure, sizeof shared->failure);
  if (report.signal != 0) report.crash = check_crash(shared->crash, report.signal);
}

void worker_state::finish(int status, std::uint64_t max_rss_bytes, bool lost) {
  const auto keep = shared_from_this();
  drain();
  for (std::size_t i = 0; i < cutters_.size(); ++i)
    cutters_[i].finish([&](std::string_view line) { tell_line(static_cast<output_line::stream>(i + 1), line); });
  pipes_ = {};
  at = stage::over;
  report.pid = pid;
  report.lost = lost;
  report.killed = killed;
  report.max_rss_bytes = max_rss_bytes;
  report.last_output = tail_.text();
  if (WIFSIGNALED(status)) {
    report.signal = WTERMSIG(status);
    report.core_dumped = WCOREDUMP(status);
  } else {
    report.exit_code = WEXITSTATUS(status);
  }
  read_slot();
  answered.set();
  over.set();
  if (handed_over) tell_exit();
}

void worker_state::tell_exit() {
  const auto calls = calls_;
  if (calls->on_exit) calls->on_exit(report);
}

} // namespace weir::detail

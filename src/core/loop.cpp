#include "core/loop_impl.hpp"

#include <weir/core/detail/round_hook.hpp>
#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace weir {

namespace {
thread_local loop* running_loop = nullptr;
// How many coroutines may be resumed before descriptors and timers are looked at again.
constexpr std::uint64_t resumes_per_turn = 128;
} // namespace

loop::loop() : turn_time_(clock::now()), impl_(std::make_unique<impl>()) {
  if (!impl_->epoll) throw errno_error(errno, "the event loop could not be made");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET; // so that it need not be read: a system call less for each wake-up
  event.data.ptr = nullptr;
  if (::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, impl_->inbox->wake_descriptor(), &event) != 0)
    throw errno_error(errno, "the event loop could not be made");
  impl_->outer = std::exchange(running_loop, this);
}

loop::~loop() {
  // What other threads still hand over is dropped from here on; what is already here runs.
  detail::ready_node* rest = impl_->inbox->close();
  while (rest) {
    detail::ready_node* node = std::exchange(rest, rest->next_ready);
    schedule(node);
  }
  run_round();
  impl_->reports.clear();
  impl_->locals.clear();
  forget(impl_->alarm_watch);
  running_loop = impl_->outer;
  if (!running_loop) detail::frames.clear();
}

loop& loop::current() noexcept {
  if (!running_loop) {
    std::fputs("weir: no loop runs on this thread\n", stderr);
    std::abort();
  }
  return *running_loop;
}

loop* loop::current_or_null() noexcept { return running_loop; }

std::shared_ptr<void>& loop::local_slot(const void* key) { return impl_->locals[key]; }

void loop::add_report(callback<void(std::string&)> write) { impl_->reports.push_back(std::move(write)); }

loop_counters loop::counters() const noexcept {
  return {turns_, resumed_, impl_->timers.size(), impl_->timers_fired, watches_, outside_, detail::frames.live};
}

void loop::set_linger(std::chrono::nanoseconds at_most) noexcept { impl_->linger.at_most = at_most; }

void loop::use_manual_time(detail::manual_time* time) noexcept { manual_ = time; }

clock::time_point loop::manual_now() const noexcept { return manual_->now; }

void loop::post_node(detail::ready_node* node) noexcept { impl_->inbox->post(node); }

bool loop::owns(const detail::loop_address& address) const noexcept { return address.box_ == impl_->inbox; }

detail::loop_address loop::address() const noexcept { return detail::loop_address(impl_->inbox); }

bool detail::loop_address::post(ready_node* node) const noexcept { return box_->post(node); }

void loop::arm(detail::timer_node& node, clock::time_point due) { impl_->timers.arm(node, due); }

void loop::disarm(detail::timer_node& node) noexcept { impl_->timers.disarm(node); }

void loop::watch(detail::watch_node& node) {
  epoll_event event{};
  event.events = node.wanted;
  event.data.ptr = &node;
  const int operation = node.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(impl_->epoll.get(), operation, node.fd, &event) != 0)
    throw error(errno == EPERM ? errc::invalid_argument : errc::internal,
                errno_error(errno, "a descriptor could not be watched").what());
  if (!std::exchange(node.registered, true) && !node.internal) ++watches_;
}

void loop::forget(detail::watch_node& node) noexcept {
  if (!node.registered) return;
  node.registered = false;
  if (!node.internal) --watches_;
  ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, node.fd, nullptr);
  for (int i = impl_->next_event; i < impl_->event_count; ++i)
    if (impl_->events[i].data.ptr == &node) impl_->events[i].events = 0;
}

void loop::run_round() noexcept {
  // What becomes ready meanwhile belongs to the next round, so that nobody is starved.
  detail::ready_node* node = std::exchange(ready_head_, nullptr);
  ready_tail_ = &ready_head_;
  if (hook_) [[unlikely]]
    node = hook_->arrange(hook_, node);
  while (node) {
    detail::ready_node* following = node->next_ready;
    ++resumed_;
    node->run(node);
    node = following;
  }
  run_end_of_round();
}

void loop::run_end_of_round() noexcept {
  for (detail::ready_node* node = std::exchange(end_of_round_, nullptr); node;) {
    detail::ready_node* following = node->next_ready;
    node->run(node);
    node = following;
  }
}

void loop::add_source(detail::loop_source& source) { impl_->sources.push_back(&source); }

void loop::remove_source(detail::loop_source& source) noexcept { std::erase(impl_->sources, &source); }

bool loop::has_news() const noexcept {
  return impl_->inbox->has_news() || std::any_of(impl_->sources.begin(), impl_->sources.end(),
                                                 [](const auto* source) { return source->has_news(source); });
}

/// Whoever has news from now on wakes the loop. Returns false when somebody has some already.
bool loop::announce_sleep() noexcept {
  if (!impl_->inbox->sleep()) return false;
  for (detail::loop_source* source : impl_->sources)
    if (!source->sleep(source)) {
      announce_awake();
      return false;
    }
  return true;
}

void loop::announce_awake() noexcept {
  impl_->inbox->awake();
  for (detail::loop_source* source : impl_->sources) source->awake(source);
}

void loop::take_posted() noexcept {
  for (detail::loop_source* source : impl_->sources)
    if (source->has_news(source)) source->collect(source);
  for (detail::ready_node* node = impl_->inbox->take(); node;) {
    detail::ready_node* posted = std::exchange(node, node->next_ready);
    schedule(posted);
  }
}

static int wait_events(int epoll, epoll_event* events, int count, const timespec* limit) noexcept {
  // epoll_pwait2 has nanoseconds where epoll_wait has milliseconds; kernels before 5.11 lack it.
  static bool has_pwait2 = true;
  if (has_pwait2) {
    const long n = ::syscall(SYS_epoll_pwait2, epoll, events, count, limit, nullptr, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(n);
    has_pwait2 = false;
  }
  int milliseconds = -1;
  if (limit) milliseconds = static_cast<int>(limit->tv_sec * 1000 + (limit->tv_nsec + 999'999) / 1'000'000);
  return ::epoll_wait(epoll, events, count, milliseconds);
}

/// Nothing of the loop's own can make it go on; `nobody_posts`: and nobody else holds its inbox, so that no thread can.
bool loop::is_stuck(bool nobody_posts) const noexcept {
  const bool timers_run = impl_->timers.size() > 0 && (!manual_ || manual_->advances);
  return !ready_head_ && !timers_run && outside_ == 0 && watches_ == 0 &&
         (!nobody_posts || impl_->inbox.use_count() == 1);
}

/// Whether to look again in a while instead of sleeping for good: a pool thread may hold the inbox for a moment more.
bool loop::looks_stuck() noexcept {
  constexpr unsigned max_looks = 4;
  if (!impl_->on_stuck || !is_stuck(false)) return false;
  if (impl_->stuck_at != resumed_) {
    impl_->stuck_at = resumed_;
    impl_->stuck_looks = 0;
  }
  return impl_->stuck_looks < max_looks;
}

void loop::note_stuck() {
  if (!is_stuck(true)) {
    ++impl_->stuck_looks;
    return;
  }
  impl_->stuck_looks = static_cast<unsigned>(-1);
  impl_->on_stuck();
}

static timespec span(clock::duration left) noexcept {
  const auto nanoseconds = std::max<long long>(std::chrono::duration_cast<std::chrono::nanoseconds>(left).count(), 0);
  constexpr long long day = 86'400;
  return {static_cast<time_t>(std::min(nanoseconds / 1'000'000'000, day)), nanoseconds % 1'000'000'000};
}

void loop::wait_for_events(bool may_sleep) {
  run_end_of_round();
  timespec limit{};
  const timespec* how_long = &limit;
  const auto due = impl_->timers.next_due();
  const bool is_due = manual_ && due && *due <= manual_->now; // somebody has moved the clock
  bool sleeps = may_sleep && !ready_head_ && !is_due;
  const bool polls = sleeps && outside_ > 0;
  if (polls) sleeps = !impl_->linger.poll([this] { return has_news(); });
  sleeps = sleeps && announce_sleep();
  bool suspicious = false;
  const bool jumps = manual_ && manual_->advances && due && outside_ == 0;
  if (sleeps && !jumps) {
    suspicious = looks_stuck();
    if (suspicious)
      limit = span(impl_->patience);
    else if (due && !manual_)
      limit = span(*due - clock::now());
    else
      how_long = nullptr;
  }
  if (impl_->heartbeat) sleeps ? impl_->heartbeat->change() : impl_->heartbeat->turn();
  const int count = wait_events(impl_->epoll.get(), impl_->events.data(), impl::max_events, how_long);
  if (sleeps && impl_->heartbeat) impl_->heartbeat->change();
  announce_awake();
  ++turns_;
  turn_time_ = now();
  // What woke the loop, if it was another thread: a wait that a timer or a descriptor ended says nothing of those.
  if (polls && sleeps && has_news()) impl_->linger.slept(manual_ ? clock::now() : turn_time_);
  if (sleeps && count == 0 && !has_news()) {
    if (jumps) {
      manual_->now = std::max(manual_->now, *due);
      turn_time_ = manual_->now;
    }
    if (suspicious && is_stuck(false)) note_stuck();
  }
  impl_->event_count = count > 0 ? count : 0;
  for (impl_->next_event = 0; impl_->next_event < impl_->event_count;) {
    const epoll_event event = impl_->events[impl_->next_event++];
    if (event.events == 0) continue;
    if (!event.data.ptr) continue;
    auto* node = static_cast<detail::watch_node*>(event.data.ptr);
    node->events(node, event.events);
  }
  impl_->event_count = impl_->next_event = 0;
}

void loop::turn(bool may_sleep, question done) {
  wait_for_events(may_sleep);
  take_posted();
  if (impl_->timers.size() > 0) impl_->timers_fired += impl_->timers.fire(now());
  const std::uint64_t budget = resumed_ + resumes_per_turn;
  while (ready_head_ && resumed_ < budget) {
    run_round();
    if (done.ask && done.ask(done.asked)) return;
    take_posted();
  }
}

void loop::run_until_true(question done) {
  while (!done.ask(done.asked)) turn(true, done);
}

int loop::host_descriptor() {
  if (!impl_->alarm) {
    impl_->alarm = unique_fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!impl_->alarm) throw errno_error(errno, "the timer of an embedded loop could not be made");
    impl_->alarm_watch.fd = impl_->alarm.get();
    impl_->alarm_watch.wanted = EPOLLIN;
    impl_->alarm_watch.internal = true;
    impl_->alarm_watch.events = [](detail::watch_node* node, unsigned) noexcept {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(node->fd, &count, sizeof count);
    };
    watch(impl_->alarm_watch);
  }
  return impl_->epoll.get();
}

void loop::turn_for_host() {
  host_descriptor();
  turn(false, {});
  prepare_for_host();
}

void loop::prepare_for_host() noexcept {
  run_end_of_round();
  if (ready_head_ || !announce_sleep()) {
    impl_->inbox->signal();
    return;
  }
  itimerspec when{}; // all zero: no alarm
  if (const auto due = impl_->timers.next_due()) {
    const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(due->time_since_epoch()).count();
    when.it_value = {static_cast<time_t>(since_boot / 1'000'000'000), since_boot % 1'000'000'000};
    if (since_boot <= 0) when.it_value.tv_nsec = 1;
  }
  ::timerfd_settime(impl_->alarm.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

} // namespace weir

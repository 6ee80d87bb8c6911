#include "core/inbox.hpp"
#include "core/timer_heap.hpp"

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/unique_fd.hpp>

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

namespace weir {

namespace {
thread_local loop* running_loop = nullptr;
constexpr int max_events = 128;
} // namespace

struct loop::impl {
  unique_fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::shared_ptr<detail::inbox> inbox = std::make_shared<detail::inbox>();
  detail::timer_heap timers;
  loop* outer = nullptr;
  std::map<const void*, std::shared_ptr<void>> locals;
  // The events of this turn; `forget` blanks those of a watch that dies meanwhile.
  std::array<epoll_event, max_events> events{};
  int event_count = 0;
  int next_event = 0;
};

loop::loop() : impl_(std::make_unique<impl>()) {
  if (!impl_->epoll) throw errno_error(errno, "the event loop could not be made");
  epoll_event event{};
  event.events = EPOLLIN;
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
  run_ready();
  impl_->locals.clear();
  running_loop = impl_->outer;
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

void loop::post_node(detail::ready_node* node) noexcept { impl_->inbox->post(node); }

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
  node.registered = true;
}

void loop::forget(detail::watch_node& node) noexcept {
  if (!node.registered) return;
  node.registered = false;
  ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, node.fd, nullptr);
  for (int i = impl_->next_event; i < impl_->event_count; ++i)
    if (impl_->events[i].data.ptr == &node) impl_->events[i].events = 0;
}

void loop::run_ready() noexcept {
  // What becomes ready meanwhile belongs to the next turn, so that descriptors and timers are not starved.
  detail::ready_node* node = std::exchange(ready_head_, nullptr);
  ready_tail_ = &ready_head_;
  while (node) {
    detail::ready_node* following = node->next_ready;
    node->run(node);
    node = following;
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

void loop::wait_for_events() {
  timespec limit{};
  const timespec* how_long = &limit;
  if (!ready_head_ && impl_->inbox->sleep()) {
    if (const auto due = impl_->timers.next_due()) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(*due - clock::now()).count();
      if (left > 0) {
        constexpr long long day = 86'400;
        limit.tv_sec = std::min<long long>(left / 1'000'000'000, day);
        limit.tv_nsec = left % 1'000'000'000;
      }
    } else {
      how_long = nullptr;
    }
  }
  const int count = wait_events(impl_->epoll.get(), impl_->events.data(), max_events, how_long);
  impl_->inbox->awake();
  ++turns_;
  impl_->event_count = count > 0 ? count : 0;
  for (impl_->next_event = 0; impl_->next_event < impl_->event_count;) {
    const epoll_event event = impl_->events[impl_->next_event++];
    if (event.events == 0) continue;
    if (!event.data.ptr) {
      impl_->inbox->drain_wake();
      continue;
    }
    auto* node = static_cast<detail::watch_node*>(event.data.ptr);
    node->events(node, event.events);
  }
  impl_->event_count = impl_->next_event = 0;
}

void loop::run_until(const std::function<bool()>& done) {
  while (!done()) {
    wait_for_events();
    for (detail::ready_node* node = impl_->inbox->take(); node;) {
      detail::ready_node* posted = std::exchange(node, node->next_ready);
      schedule(posted);
    }
    if (impl_->timers.next_due()) impl_->timers.fire(clock::now());
    run_ready();
  }
}

} // namespace weir

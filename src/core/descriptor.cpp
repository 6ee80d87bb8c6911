#include <weir/core/descriptor.hpp>
#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

namespace weir {

struct descriptor::state : detail::watch_node {
  explicit state(unique_fd f) : loop_(loop::current()), owned(std::move(f)) {
    fd = owned.get();
    events = [](detail::watch_node* node, unsigned what) noexcept { static_cast<state*>(node)->happened(what); };
  }
  ~state() { loop_.forget(*this); }

  void happened(unsigned what) noexcept {
    const bool broken = what & (EPOLLERR | EPOLLHUP);
    if (broken || what & (EPOLLIN | EPOLLRDHUP)) wake(waiters[0]);
    if (broken || what & EPOLLOUT) wake(waiters[1]);
    if (broken || what & EPOLLRDHUP) wake(waiters[2]);
    // Readiness that nobody waits for would be reported in every turn: stop asking until somebody does.
    unsigned needed = 0;
    for (int way = 0; way < 3; ++way)
      if (waiters[way]) needed |= bits[way];
    const unsigned unwanted = what & ~needed;
    if (broken && needed == 0) {
      loop_.forget(*this);
      wanted = 0;
    } else if (unwanted & wanted) {
      ask(needed);
    }
  }
  static void wake(waiter*& who) noexcept {
    if (waiter* node = std::exchange(who, nullptr)) node->finish();
  }
  void ask(unsigned interest) {
    if (interest == wanted && registered) return;
    wanted = interest;
    loop_.watch(*this);
  }

  static constexpr unsigned bits[3] = {EPOLLIN | EPOLLRDHUP, EPOLLOUT, EPOLLRDHUP};
  loop& loop_;
  unique_fd owned;
  bool always_ready = false;
  waiter* waiters[3] = {nullptr, nullptr, nullptr};
};

descriptor::descriptor(unique_fd fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) throw errno_error(errno, "a descriptor");
  state_ = std::make_unique<state>(std::move(fd));
  // Registered with no interest now, so that a file that epoll does not take is known from the start.
  try {
    state_->ask(0);
    state_->loop_.forget(*state_);
  } catch (const error&) {
    state_->always_ready = true;
  }
}

descriptor::descriptor() noexcept = default;
descriptor::descriptor(descriptor&&) noexcept = default;
descriptor& descriptor::operator=(descriptor&&) noexcept = default;
descriptor::~descriptor() = default;

int descriptor::get() const noexcept { return state_ ? state_->fd : -1; }

void descriptor::close() noexcept { state_.reset(); }

descriptor::waiter::waiter(descriptor& owner, direction way) noexcept : wait_node(kind), owner_(owner), way_(way) {}

constexpr detail::wait_kind descriptor::waiter::kind{"a descriptor", [](detail::wait_node* node) noexcept {
                                                       auto* self = static_cast<waiter*>(node);
                                                       self->owner_.state_->waiters[static_cast<int>(self->way_)] =
                                                           nullptr;
                                                       self->finish(true);
                                                     }};

bool descriptor::waiter::suspend() {
  state& target = *owner_.state_;
  if (target.always_ready && way_ != direction::hang_up) {
    finish(); // through the queue all the same: a loop over a file must let others run
    return true;
  }
  target.waiters[static_cast<int>(way_)] = this;
  if (!target.always_ready) target.ask((target.registered ? target.wanted : 0) | state::bits[static_cast<int>(way_)]);
  return true;
}

} // namespace weir

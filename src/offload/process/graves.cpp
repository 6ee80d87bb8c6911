#include "offload/process/graves.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <mutex>

namespace weir::detail {

namespace {

/// Those whose loop has ended before them.
struct {
  std::mutex guard;
  std::vector<unique_fd> pidfds;
} left_behind;

void reap(int pidfd) noexcept {
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
}

void reap_left_behind() {
  const std::lock_guard lock(left_behind.guard);
  std::erase_if(left_behind.pidfds, [](const unique_fd& pidfd) {
    pollfd gone{pidfd.get(), POLLIN, 0};
    if (::poll(&gone, 1, 0) <= 0) return false;
    reap(pidfd.get());
    return true;
  });
}

} // namespace

struct graves::grave {
  grave(graves& owner, unique_fd fd)
      : pidfd(std::move(fd)), watch(pidfd.get(), [&owner, this] {
          reap(pidfd.get());
          std::erase_if(owner.waiting_, [this](const auto& one) { return one.get() == this; });
          if (owner.waiting_.empty()) owner.emptied_.set();
        }) {}
  unique_fd pidfd;
  quiet_watch watch;
};

graves::graves() { reap_left_behind(); }

graves::~graves() {
  {
    const std::lock_guard lock(left_behind.guard);
    for (auto& one : waiting_) {
      unique_fd copy(::fcntl(one->pidfd.get(), F_DUPFD_CLOEXEC, 0)); // the watch still needs the number
      if (copy) left_behind.pidfds.push_back(std::move(copy));
    }
  }
  reap_left_behind();
}

void graves::add(unique_fd pidfd) {
  if (!pidfd) return;
  emptied_.reset();
  waiting_.push_back(std::make_unique<grave>(*this, std::move(pidfd)));
}

} // namespace weir::detail

#include <weir/core/fd_watch.hpp>

#include <utility>

namespace weir {

fd_watch::fd_watch(int watched, callback<void(unsigned)> function)
    : loop_(loop::current()), function_(std::move(function)) {
  fd = watched;
  events = [](detail::watch_node* node, unsigned what) noexcept {
    // A copy: the function may destroy the watch that holds it.
    const auto call = static_cast<fd_watch*>(node)->function_;
    call(what);
  };
}

fd_watch::~fd_watch() { loop_.forget(*this); }

void fd_watch::want(unsigned bits) {
  if (bits == wanted && registered == (bits != 0)) return;
  wanted = bits;
  // epoll reports errors and hang-ups even for an empty interest: nothing asked means not registered.
  if (bits == 0)
    loop_.forget(*this);
  else
    loop_.watch(*this);
}

} // namespace weir

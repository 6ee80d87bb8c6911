#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/loop.hpp>

#include <sys/epoll.h>

#include <functional>
#include <memory>
#include <utility>

namespace weir::detail {

/// Calls a function while a descriptor is readable or hung up, as fd_watch does, without being something that tasks
/// wait for: a loop with idle workers can still tell that nothing will ever happen. The function may destroy the watch.
class quiet_watch : watch_node {
 public:
  quiet_watch(int watched, std::function<void()> function)
      : loop_(loop::current()), function_(std::make_shared<const std::function<void()>>(std::move(function))) {
    fd = watched;
    wanted = EPOLLIN;
    internal = true;
    events = [](watch_node* node, unsigned) noexcept {
      const auto call = static_cast<quiet_watch*>(node)->function_; // kept: the function may destroy what holds it
      (*call)();
    };
    loop_.watch(*this);
  }
  ~quiet_watch() { loop_.forget(*this); }
  quiet_watch(const quiet_watch&) = delete;
  quiet_watch& operator=(const quiet_watch&) = delete;

  void stop() noexcept { loop_.forget(*this); }

 private:
  loop& loop_;
  std::shared_ptr<const std::function<void()>> function_;
};

} // namespace weir::detail

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <string_view>

namespace asio = boost::asio;

/// Asio in its fastest form: one thread, the executor's own type instead of the type-erased one, and `deferred`, which
/// spares the frame that `use_awaitable` would make.
using executor = asio::io_context::executor_type;
template <class T = void>
using awaitable = asio::awaitable<T, executor>;

/// Whether loops are those of programs that have a timer or a socket. Without one, an io_context never asks the kernel
/// for events: it waits on a condition variable, which is cheaper, and which no server can do.
inline bool with_reactor = false;

class loop : public asio::io_context {
 public:
  loop() : asio::io_context(1) {
    if (with_reactor) timer_.emplace(*this);
  }

 private:
  std::optional<asio::steady_timer> timer_; // not armed: that it is there starts the reactor
};

/// Takes `--reactor` from the front of a program's arguments. Returns how many it took.
inline int read_reactor_option(int argc, char** argv) {
  with_reactor = argc > 1 && std::string_view(argv[1]) == "--reactor";
  return with_reactor ? 1 : 0;
}

#include "http/connection.hpp"
#include "http/listener.hpp"
#include "http/server_core.hpp"

#include <weir/core/descriptor.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/http/server.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <stop_token>
#include <utility>

namespace weir::http {

using namespace std::chrono_literals;

namespace {

constexpr int max_accepts_per_turn = 64;
constexpr auto accept_back_off = 50ms;
// So many clients over max_connections are told of it at a time; further ones wait in the backlog.
constexpr std::size_t max_surplus = 64;

enum class accept_failure { nobody_there, client_gone, out_of_resources, fatal };

accept_failure classify(int number) noexcept {
  switch (number) {
  case EAGAIN:
    return accept_failure::nobody_there;
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return accept_failure::out_of_resources;
  case EBADF:
  case EINVAL:
  case EFAULT:
  case ENOTSOCK:
    return accept_failure::fatal;
  default:
    return accept_failure::client_gone; // accept(2): errors of the new connection are reported here too
  }
}

task<void> run_connection(std::unique_ptr<detail::connection> client) { co_await client->run(); }

std::chrono::milliseconds sweep_period_for(const server_options& o) {
  const auto shortest = std::min({o.header_timeout, o.body_timeout, o.idle_timeout, o.write_timeout, o.linger_timeout});
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

} // namespace

struct server::impl {
  explicit impl(server_options options);

  task<void> run();
  task<void> accept_clients(task_group& group);
  task<void> everybody_gone();
  bool admit(unique_fd socket, const sockaddr_storage& peer, task_group& group);
  void on_sweep();

  detail::server_core core;
  unique_fd listening;
  std::uint16_t port = 0;
  event stop;
  bool serving = false;
};

server::impl::impl(server_options options) {
  core.options = std::move(options);
  core.limits = {core.options.max_header_bytes, core.options.max_header_fields, core.options.max_body_bytes};
  core.sweep_period = sweep_period_for(core.options);
  listening = detail::listen_on(core.options.address, core.options.port);
  const sockaddr_storage bound = detail::bound_address(listening.get());
  port = detail::port_of(bound);
  core.bound = detail::to_text(bound);
}

// Returns false where memory or epoll watches ran out: this client is dropped, the others are served on.
bool server::impl::admit(unique_fd socket, const sockaddr_storage& peer, task_group& group) {
  const bool surplus = core.open >= core.options.max_connections;
  try {
    auto client = std::make_unique<detail::connection>(core, std::move(socket), detail::to_text(peer), surplus);
    detail::connection& raw = *client;
    raw.set_handle(group.spawn(run_connection(std::move(client))));
    if (!core.sweep->armed()) core.sweep->arm(clock::now() + core.sweep_period);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void server::impl::on_sweep() {
  const auto now = clock::now();
  core.connections.for_each([now](detail::connection& each) { each.check_deadline(now); });
  if (core.open > 0) core.sweep->arm(now + core.sweep_period);
}

task<void> server::impl::accept_clients(task_group& group) {
  descriptor listener(std::move(listening));
  for (;;) {
    co_await listener.readable();
    for (int i = 0; i < max_accepts_per_turn; ++i) {
      while (core.open >= core.options.max_connections + max_surplus) {
        core.one_gone.reset();
        co_await core.one_gone.wait();
      }
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      unique_fd socket(
          ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const int number = socket ? 0 : errno;
      auto failure = accept_failure::out_of_resources;
      if (!socket)
        failure = classify(number);
      else if (admit(std::move(socket), peer, group))
        continue;
      if (failure == accept_failure::client_gone) continue;
      if (failure == accept_failure::fatal) throw errno_error(number, "accepting clients on " + core.bound);
      if (failure == accept_failure::out_of_resources) co_await sleep_for(accept_back_off);
      break;
    }
  }
}

task<void> server::impl::everybody_gone() {
  while (core.open > 0) {
    core.one_gone.reset();
    co_await core.one_gone.wait();
  }
}

task<void> server::impl::run() {
  core.read_buffer = std::make_unique<std::array<char, detail::server_core::read_buffer_bytes>>();
  core.sweep.emplace([this] { on_sweep(); });
  co_await with_task_group([this](task_group& group) -> task<void> {
    const task_handle acceptor = group.spawn(accept_clients(group));
    co_await stop.wait();
    core.stopping = true;
    acceptor.cancel(); // closes the listening socket on its way out
    core.connections.for_each([](detail::connection& each) { each.drain(); });
    core.draining.request_stop();
    try {
      co_await with_timeout(core.options.drain_timeout, everybody_gone());
    } catch (const error&) {
      group.cancel();
    }
  });
  core.sweep.reset();
}

server::server(server_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
server::~server() = default;

void server::route(std::string method_or_star, std::string path, handler function) {
  if (impl_->serving) throw error(errc::invalid_argument, "routes are added before the server runs");
  impl_->core.routes.add(std::move(method_or_star), std::move(path), std::move(function));
}

task<void> server::serve() {
  if (std::exchange(impl_->serving, true)) throw error(errc::invalid_argument, "a server serves once");
  // The cancellation of this task begins the graceful stop; it does not reach the connections.
  std::stop_callback on_cancel(this_task::stop_token(), [this] { stop(); });
  co_await shield(impl_->run());
  this_task::throw_if_cancelled();
}

void server::stop() noexcept { impl_->stop.set(); }
std::uint16_t server::port() const noexcept { return impl_->port; }
std::string server::endpoint() const { return impl_->core.bound; }
std::size_t server::connections() const noexcept { return impl_->core.open; }

} // namespace weir::http

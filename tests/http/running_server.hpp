#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/run.hpp>
#include <weir/http/server.hpp>

#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace weir::http::testing {

/// A server on a loop of its own thread, stopped gracefully at the end.
class running_server {
 public:
  explicit running_server(server_options options, const std::function<void(server&)>& add_routes)
      : server_(std::move(options)) {
    add_routes(server_);
    std::promise<loop*> started;
    auto loop_of_thread = started.get_future();
    thread_ = std::thread([this, &started] {
      run_options quiet;
      quiet.handle_signals = false;
      run(
          [](server& s, std::promise<loop*>& when) -> task<void> {
            when.set_value(&loop::current());
            co_await s.serve();
          }(server_, started),
          quiet);
    });
    loop_ = loop_of_thread.get();
  }
  ~running_server() { stop(); }

  std::uint16_t port() const { return server_.port(); }

  /// Calls `function(server)` on the server's loop and returns what it returns.
  template <class F>
  auto on_loop(F function) {
    using result_type = decltype(function(server_));
    auto work = std::make_shared<std::packaged_task<result_type()>>([&] { return function(server_); });
    auto result = work->get_future();
    loop_->post([work] { (*work)(); });
    return result.get();
  }

  void begin_stop() {
    loop_->post([this] { server_.stop(); });
  }
  /// Returns when everything has ended.
  void stop() {
    if (!thread_.joinable()) return;
    begin_stop();
    thread_.join();
  }
  /// Waits for an end that `begin_stop` began.
  void join() { thread_.join(); }

 private:
  server server_;
  loop* loop_ = nullptr;
  std::thread thread_;
};

} // namespace weir::http::testing

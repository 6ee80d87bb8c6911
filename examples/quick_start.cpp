// A view of a web server that fetches a page with a library that blocks.
#include "blocking_http.hpp"

#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>

namespace {

std::uint16_t page_port = 0; // of the site that the view asks

std::string blocking_io() { return blocking_http(page_port, "GET", "/"); }

weir::task<void> homepage(weir::http::request&, weir::http::responder& respond) {
  std::string html = co_await weir::run_in_threadpool(blocking_io);
  co_await respond.send({.headers = {{"Content-Type", "text/html"}}, .body = std::move(html)});
}

weir::task<void> page(weir::http::request&, weir::http::responder& respond) {
  co_await respond.send({.body = "<h1>A paper boat</h1>"});
}

weir::task<bool> example() {
  weir::http::server site({}); // any other server; here one of our own, on another port
  weir::http::server server({});
  site.route("GET", "/", page);
  server.route("GET", "/", homepage);
  page_port = site.port();
  co_return co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<bool> {
    group.spawn(site.serve(), "site");
    group.spawn(server.serve(), "server");
    const std::string got = co_await weir::run_in_threadpool(blocking_http, server.port(), "GET", "/", "");
    std::printf("%s\n", got.c_str());
    site.stop();
    server.stop();
    co_return got == "<h1>A paper boat</h1>";
  });
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

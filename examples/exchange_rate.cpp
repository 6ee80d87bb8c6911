// A view that asks somebody else's service through a library that blocks. The server answers other requests meanwhile.
#include "blocking_http.hpp"

#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/json/value.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>

namespace {

std::uint16_t rates_port = 0;

double fetch_exchange_rate(const std::string& base, const std::string& target) { // blocks until the answer is there
  const std::string body = blocking_http(rates_port, "GET", "/latest?base=" + base + "&symbols=" + target);
  return weir::json::parse(body).at("rates").at(target).as_double();
}

weir::task<void> exchange_rate_endpoint(weir::http::request&, weir::http::responder& respond) {
  const double rate = co_await weir::run_in_threadpool(fetch_exchange_rate, "USD", "EUR");
  co_await respond.send({.headers = {{"Content-Type", "application/json"}},
                         .body = weir::json::serialize(weir::json::object{{"rate", rate}})});
}

weir::task<bool> example() {
  weir::event asked, may_answer;
  weir::http::server service({}); // the service: it answers when it is told to
  service.route("GET", "/latest", [&](auto&, auto& respond) -> weir::task<void> {
    asked.set();
    co_await may_answer.wait();
    co_await respond.send({.body = R"({"rates": {"EUR": 0.92}})"});
  });
  weir::http::server server({});
  server.route("GET", "/rate", exchange_rate_endpoint);
  server.route("GET", "/health",
               [](auto&, auto& respond) -> weir::task<void> { co_await respond.send({.body = "well"}); });
  rates_port = service.port();

  co_return co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<bool> {
    group.spawn(service.serve(), "service");
    group.spawn(server.serve(), "server");
    auto client = [&](const char* path) {
      return weir::run_in_threadpool(blocking_http, server.port(), "GET", path, "");
    };
    auto rate = group.spawn(client("/rate"));
    co_await asked.wait(); // the view's thread is blocked now, and stays so
    int others = 0;
    for (int i = 0; i < 20; ++i) others += co_await client("/health") == "well";
    const bool blocked_meanwhile = !rate.done();
    may_answer.set();
    const std::string answer = co_await rate.value();
    std::printf("%s; %d other requests were answered meanwhile\n", answer.c_str(), others);
    service.stop();
    server.stop();
    co_return blocked_meanwhile&& others == 20 && weir::json::parse(answer).at("rate").as_double() == 0.92;
  });
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

// A library in C that follows a null pointer for some inputs. In the server's own process that input would end the
// server; in a worker process it ends the worker, and the request gets an answer that says so.
#include "blocking_http.hpp"

#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

// The value after "width=" - and nobody has asked what happens where there is none.
extern "C" int legacy_read_width(const char* header) {
  const char* volatile at = std::strstr(header, "width=");
  int width = 0;
  for (const char* digit = at ? at + 6 : nullptr; *digit >= '0' && *digit <= '9'; ++digit)
    width = 10 * width + (*digit - '0');
  return width;
}

namespace {

int read_width(const std::string& header) { return legacy_read_width(header.c_str()); }

weir::task<void> width_endpoint(weir::http::request& request, weir::http::responder& respond) {
  std::optional<int> width;
  try {
    width = co_await weir::run_in_processpool(read_width, request.body);
  } catch (const weir::worker_crashed& e) {
    std::printf("%s of %s, process %d\n", e.signal_name().c_str(), e.function().c_str(), static_cast<int>(e.pid()));
    for (const std::string& line : e.facts().trace) std::printf("  %s\n", line.c_str());
  } catch (const weir::process_error& e) { // function_suspended: it crashed too often, and rests for some seconds
    std::printf("%s\n", e.what());
  }
  if (width)
    co_await respond.send({.body = std::to_string(*width)});
  else
    co_await respond.send({.status = 422, .body = "the header cannot be read\n"});
}

weir::task<std::string> ask(std::uint16_t port, std::string header) {
  try {
    co_return co_await weir::run_in_threadpool(blocking_http, port, "POST", "/width", std::move(header));
  } catch (const weir::error& e) {
    co_return e.what();
  }
}

weir::task<bool> example() {
  weir::http::server server({});
  server.route("POST", "/width", width_endpoint);
  co_return co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<bool> {
    group.spawn(server.serve(), "server");
    const std::string before = co_await ask(server.port(), "height=20 width=640");
    const std::string crash = co_await ask(server.port(), "height=20");
    const std::string after = co_await ask(server.port(), "width=1280");
    server.stop();
    std::printf("%s | %s | %s\n", before.c_str(), crash.c_str(), after.c_str());
    co_return before == "640" && crash.find(" 422 ") != std::string::npos&& after == "1280";
  });
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }

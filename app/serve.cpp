#include "serve.hpp"

#include "metrics.hpp"
#include "version.hpp"

#include <weir/core/error.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/server.hpp>
#include <weir/mcp/http_transport.hpp>
#include <weir/mcp/stdio.hpp>
#include <weir/offload/sandbox.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/mcp_tools.hpp>
#include <weir/studio/watch.hpp>

#include <charconv>
#include <cstdio>
#include <functional>

namespace weir::app {

namespace {

mcp::server_options about() {
  return {.info = {.name = "weir",
                   .version = version,
                   .title = "Weir",
                   .description = "Images and videos, many at once",
                   .website_url = {}},
          .instructions = studio::instructions()};
}

/// Where it runs without login, only those may speak to it who are on this machine.
bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

task<void> serve_http(mcp::server& server, studio::studio& in, const serve_options& options) {
  http::server_options where;
  where.address = options.address;
  where.port = options.port;
  http::server web(where);
  mcp::http_transport transport(server,
                                {.allowed_hosts = options.allowed_hosts, .allowed_origins = options.allowed_origins});
  transport.attach(web);
  const auto text = [](std::string body) {
    http::response answer;
    answer.headers.set("Content-Type", "text/plain; charset=utf-8");
    answer.body = std::move(body);
    return answer;
  };
  web.route("GET", "/healthz", [text](http::request&, http::responder& respond) { return respond.send(text("ok\n")); });
  web.route("GET", "/metrics", [text, &web, &in](http::request&, http::responder& respond) {
    return respond.send(text(metrics(in, web)));
  });
  std::fprintf(stderr, "weir: serving MCP on http://%s/mcp\n", web.endpoint().c_str());
  for (const auto& line : options.told) std::fprintf(stderr, "%s\n", line.c_str());
  co_await web.serve();
}

/// Says on standard error how pictures are decoded. Asking the kernel takes a fork: it is done beside the first calls.
task<void> tell_sandbox(media::isolation where) {
  if (where == media::isolation::none) {
    std::fprintf(stderr, "weir: pictures are decoded in this process (image sandbox: off)\n");
    co_return;
  }
  const sandbox_support& support = co_await run_in_threadpool([] { return std::ref(probe_sandbox()); });
  std::fprintf(stderr, "weir: pictures are decoded in processes of their own. %s\n", to_string(support).c_str());
}

/// Fails where the image sandbox is on and the kernel does not grant it.
void require_sandbox(const studio::config& settings) {
  if (settings.image_sandbox != media::isolation::required || probe_sandbox().sufficient()) return;
  throw error(errc::not_configured,
              settings.image_sandbox_source +
                  " asks for an image sandbox (on), and the kernel does not grant what it needs: " +
                  to_string(probe_sandbox()) + " Use auto to take what there is, or off");
}

} // namespace

void parse_endpoint(const std::string& text, serve_options& into) {
  std::string address = text, port;
  if (const auto colon = text.rfind(':'); text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string::npos) throw error(errc::invalid_argument, "--http: '" + text + "' lacks a ']'");
    address = text.substr(1, close - 1);
    if (close + 1 < text.size() && text[close + 1] == ':') port = text.substr(close + 2);
  } else if (colon != std::string::npos) {
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    address.clear();
    port = text;
  }
  into.address = address.empty() ? "127.0.0.1" : address;
  if (port.empty()) return;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), into.port);
  if (failure != std::errc() || end != port.data() + port.size())
    throw error(errc::invalid_argument, "--http: '" + port + "' is no port; an example: 127.0.0.1:8765");
}

task<void> serve(studio::config settings, serve_options options) {
  if (!options.address.empty() && !is_loopback(options.address) && options.allowed_hosts.empty())
    throw error(errc::invalid_argument,
                "--http: " + options.address +
                    " is reached from other machines, and this server asks for no login. Name "
                    "the host names that clients will use with --allow-host, and put a proxy with a login in front");
  require_sandbox(settings);
  co_await studio::with_studio(std::move(settings), [&options](studio::studio& here) -> task<void> {
    mcp::server server(about());
    studio::offer(server, here);
    here.in_background("the image sandbox", tell_sandbox(here.settings().image_sandbox));
    here.in_background("the job table", here.watching().follow_all());
    if (options.address.empty())
      co_await mcp::serve_stdio(server);
    else
      co_await serve_http(server, here, options);
  });
}

} // namespace weir::app

// An MCP server with one trivial tool, made with Weir's library, to stand beside the same one made with other SDKs.
//   weir-bench-echo              on stdio
//   weir-bench-echo http         on a free port of 127.0.0.1, which is printed as "port N"
#include <weir/core/cancelled.hpp>
#include <weir/core/run.hpp>
#include <weir/http/server.hpp>
#include <weir/mcp/http_transport.hpp>
#include <weir/mcp/stdio.hpp>

#include <cstdio>
#include <cstring>

namespace {

using namespace weir;

mcp::tool echo_tool() {
  mcp::tool t;
  t.name = "echo";
  t.title = "Echo";
  t.description = "Gives back its text.";
  t.input_schema = json::object{{"type", "object"},
                                {"properties", json::object{{"text", json::object{{"type", "string"}}}}},
                                {"required", json::array{"text"}}};
  t.annotations = {.read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  t.handler = [](mcp::call_context&, json::object arguments) -> task<mcp::tool_result> {
    co_return mcp::tool_result::text(std::string(arguments.at("text").as_string()));
  };
  return t;
}

task<void> serve_http(mcp::server& server) {
  http::server_options where;
  where.address = "127.0.0.1";
  where.port = 0;
  http::server web(where);
  mcp::http_transport transport(server);
  transport.attach(web);
  const std::string endpoint = web.endpoint();
  std::printf("port %s\n", endpoint.c_str() + endpoint.rfind(':') + 1);
  std::fflush(stdout);
  co_await web.serve();
}

task<void> serve(bool over_http) {
  mcp::server server({.info = {.name = "echo", .version = "1.0.0"}});
  server.add_tool(echo_tool());
  if (over_http)
    co_await serve_http(server);
  else
    co_await mcp::serve_stdio(server);
}

} // namespace

int main(int argc, char** argv) {
  try {
    weir::run(serve(argc > 1 && std::strcmp(argv[1], "http") == 0));
  } catch (const weir::cancelled&) {
    return 0; // stopped by a signal
  }
}

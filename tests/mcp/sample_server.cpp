// A server with a few ordinary tools, to be started as a process: on stdio, or with "--http PORT" (0: a free one, which
// is printed).
#include <weir/core/run.hpp>
#include <weir/mcp/http_transport.hpp>
#include <weir/mcp/stdio.hpp>

#include <mcp/sample_server.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
  using namespace weir;
  mcp::server server(mcp::testing::sample_options());
  mcp::testing::furnish(server);
  server.add_tool(mcp::testing::make_tool("noisy", "Prints where only the protocol may be.",
                                          [](mcp::call_context&, json::object) -> task<mcp::tool_result> {
                                            std::puts("noise of this process");
                                            std::fflush(stdout);
                                            int status = std::system("echo noise of a child; cat");
                                            co_return mcp::tool_result::text("made noise, " + std::to_string(status));
                                          }));
  try {
    if (argc > 2 && std::strcmp(argv[1], "--http") == 0) {
      http::server_options options;
      options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
      run([](mcp::server& to, http::server_options where) -> task<void> {
        http::server listener(std::move(where));
        mcp::http_transport transport(to);
        transport.attach(listener);
        std::printf("%d\n", listener.port());
        std::fflush(stdout);
        co_await listener.serve();
      }(server, options));
    } else {
      run(mcp::serve_stdio(server));
    }
  } catch (const cancelled&) {
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}

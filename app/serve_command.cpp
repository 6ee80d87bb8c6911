#include "command_line.hpp"
#include "envelope.hpp"
#include "serve.hpp"
#include "setup_text.hpp"

#include <weir/core/run.hpp>

#include <memory>

namespace weir::app {

void add_serve_command(CLI::App& app, command_line& line) {
  struct asked {
    bool stdio = false, guide = false;
    std::string endpoint;
    serve_options options;
  };
  auto given = std::make_shared<asked>();
  auto* serve_app = app.add_subcommand("serve", "Serve the tools over MCP");
  serve_app->fallthrough();
  auto* stdio = serve_app->add_flag("--stdio", given->stdio, "Speak on standard input and output (the default)");
  serve_app->add_option("--http", given->endpoint, "Listen on ADDR:PORT, for example 127.0.0.1:8765; MCP is at /mcp")
      ->excludes(stdio);
  serve_app
      ->add_option("--allow-host", given->options.allowed_hosts, "Another host name that clients may use (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serve_app
      ->add_option("--allow-origin", given->options.allowed_origins,
                   "Another origin whose pages may call, for example https://app.example (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serve_app->add_flag("--guide", given->guide, "Say how to connect clients, once the server listens");
  serve_app->callback([given, &line] {
    line.command = "serve";
    line.action = [given, &line] {
      if (!given->endpoint.empty()) parse_endpoint(given->endpoint, given->options);
      const auto settings = studio::load_config(studio::process_environment, line.chosen);
      if (given->guide) given->options.told = connection_guide(given->options.address, given->options.port, settings);
      run(serve(settings, given->options));
      return exit_code::ok;
    };
  });
}

} // namespace weir::app

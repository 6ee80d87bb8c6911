#include "command_line.hpp"
#include "envelope.hpp"
#include "setup_text.hpp"

#include <cstdio>
#include <memory>

namespace weir::app {

void add_setup_command(CLI::App& app, command_line& line) {
  auto* setup = app.add_subcommand("setup", "Show how an MCP client starts this server");
  setup->fallthrough();
  auto client = std::make_shared<std::string>();
  std::string names;
  for (const auto& known : known_clients()) names += (names.empty() ? "" : ", ") + known;
  setup->add_option("client", *client, names)->required();
  setup->callback([client, &line] {
    line.command = "setup";
    line.action = [client, &line] {
      const auto settings = studio::load_config(studio::process_environment, line.chosen);
      std::fputs(setup_text(*client, this_program(), settings).c_str(), stdout);
      return exit_code::ok;
    };
  });
}

} // namespace weir::app

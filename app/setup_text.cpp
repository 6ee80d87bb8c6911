#include "setup_text.hpp"

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <unistd.h>

#include <climits>

namespace weir::app {

namespace {

/// What the client's process has to know: most clients start servers with an almost empty environment.
json::object environment_of(const studio::config& settings) {
  json::object env;
  if (settings.provider == "openai") {
    env["OPENAI_API_KEY"] = "put your key here";
    if (settings.openai.base_url != "https://api.openai.com/v1") env["OPENAI_BASE_URL"] = settings.openai.base_url;
  }
  return env;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[PATH_MAX];
  if (!::getcwd(here, sizeof here)) return path;
  std::string rest = path;
  while (rest.starts_with("./")) rest.erase(0, 2);
  return rest == "." || rest.empty() ? here : std::string(here) + "/" + rest;
}

json::array arguments_of(const studio::config& settings) {
  return {"--media-dir", absolute(settings.media_dir), "--provider", settings.provider, "serve", "--stdio"};
}

json::object stdio_entry(const std::string& program, const studio::config& settings) {
  json::object entry{{"command", program}, {"args", arguments_of(settings)}};
  if (auto env = environment_of(settings); !env.empty()) entry["env"] = std::move(env);
  return entry;
}

std::string in_file(const std::string& file, const json::object& content) {
  return "Put this into " + file + ":\n\n" + json::serialize_pretty(json::value(content)) + "\n";
}

std::string shell_words(const std::string& program, const studio::config& settings) {
  std::string line = program;
  for (const auto& argument : arguments_of(settings)) {
    const std::string word(argument.get_string());
    line += word.find_first_of(" '\"$\\") == std::string::npos ? " " + word : " '" + word + "'";
  }
  return line;
}

} // namespace

std::string this_program() {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "weir";
}

std::vector<std::string> known_clients() {
  return {"claude-code", "claude-desktop", "codex", "cursor", "vscode", "inspector"};
}

std::string setup_text(const std::string& client, const std::string& program, const studio::config& settings) {
  const json::object entry = stdio_entry(program, settings);
  const json::object servers{{"mcpServers", json::object{{"weir", entry}}}};
  if (client == "claude-code")
    return "Run this once:\n\nclaude mcp add weir -- " + shell_words(program, settings) + "\n";
  if (client == "claude-desktop")
    return in_file("claude_desktop_config.json (Settings, Developer, Edit Config)", servers);
  if (client == "cursor") return in_file("~/.cursor/mcp.json", servers);
  if (client == "vscode") {
    json::object typed = entry;
    typed["type"] = "stdio";
    return in_file(".vscode/mcp.json", {{"servers", json::object{{"weir", std::move(typed)}}}});
  }
  if (client == "codex") {
    // TOML strings and arrays of these kinds are written as in JSON.
    std::string text =
        "Put this into ~/.codex/config.toml:\n\n[mcp_servers.weir]\ncommand = " + json::serialize(entry.at("command")) +
        "\nargs = " + json::serialize(entry.at("args")) + "\n";
    if (const auto* env = json::find(entry, "env")) {
      text += "\n[mcp_servers.weir.env]\n";
      for (const auto& variable : env->get_object())
        text += std::string(variable.key()) + " = " + json::serialize(variable.value()) + "\n";
    }
    return text;
  }
  if (client == "inspector")
    return "Run this (Node.js 22.19 or newer):\n\nnpx -y @modelcontextprotocol/inspector@2.12.0 " +
           shell_words(program, settings) + "\n";
  std::string names;
  for (const auto& known : known_clients()) names += (names.empty() ? "" : ", ") + known;
  throw error(errc::invalid_argument, "there is no client '" + client + "'; there are " + names);
}

std::vector<std::string> connection_guide(const std::string& address, std::uint16_t port,
                                          const studio::config& settings) {
  const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  const std::string url = "http://" + host + ":" + std::to_string(port) + "/mcp";
  const std::string program = this_program();
  return {
      "",
      "  media folder   " + settings.media_dir,
      "  provider       " + settings.provider + " (" + settings.provider_source + ")",
      "",
      "  Connect a client:",
      "    Claude Code      claude mcp add --transport http weir " + url,
      "    Codex            ~/.codex/config.toml: [mcp_servers.weir] with url = \"" + url + "\"",
      "    Cursor           ~/.cursor/mcp.json: {\"mcpServers\": {\"weir\": {\"url\": \"" + url + "\"}}}",
      "    VS Code          .vscode/mcp.json: {\"servers\": {\"weir\": {\"type\": \"http\", \"url\": \"" + url +
          "\"}}}",
      "    Claude Desktop   starts it itself: " + program + " setup claude-desktop",
      "    any other        the address is " + url,
      "",
      "  Try it in another terminal:",
      "    " + program + " video create 'A paper boat on a quiet river' --seconds 4 --size 1280x720 -o ./",
      "",
      "  Stop it with Ctrl-C.",
  };
}

} // namespace weir::app

#include "command_line.hpp"
#include "envelope.hpp"

#include <cstdio>
#include <memory>

namespace weir::app {

namespace {

/// The words that may follow each command path, one line a path: "video create|--model --seconds ...".
void collect(const CLI::App& app, const std::string& path, std::string& out) {
  std::string words;
  for (const CLI::App* below : app.get_subcommands(nullptr))
    if (!below->get_name().empty()) words += " " + below->get_name();
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) words += " --" + name;
  out += path + "|" + words + "\n";
  for (const CLI::App* below : app.get_subcommands(nullptr))
    if (!below->get_name().empty())
      collect(*below, path.empty() ? below->get_name() : path + " " + below->get_name(), out);
}

constexpr const char* bash_script = R"(# weir completion bash >> ~/.bashrc
_weir() {
  local path= word line words
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *)
      while IFS= read -r line; do
        [ "${line%%|*}" = "${path:+$path }$word" ] && { path="${path:+$path }$word"; break; }
      done <<<"$_weir_words" ;;
    esac
  done
  while IFS= read -r line; do
    [ "${line%%|*}" = "$path" ] && { words=${line#*|}; break; }
  done <<<"$_weir_words"
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _weir weir
)";

int write_script(const CLI::App& app, const std::string& shell) {
  std::string table;
  collect(app, "", table);
  if (shell == "zsh") std::fputs("autoload -U +X bashcompinit && bashcompinit\n", stdout);
  if (shell == "fish") {
    // One rule per path; fish sees the words before the cursor.
    for (std::size_t at = 0; at < table.size();) {
      const auto end = table.find('\n', at);
      const std::string entry = table.substr(at, end - at);
      at = end + 1;
      const auto bar = entry.find('|');
      const std::string path = entry.substr(0, bar), words = entry.substr(bar + 1);
      std::string condition =
          path.empty() ? "__fish_use_subcommand" : "string match -q -- 'weir*" + path + "*' (commandline -cp)";
      std::printf("complete -c weir -n \"%s\" -a '%s'\n", condition.c_str(), words.c_str());
    }
    return exit_code::ok;
  }
  std::printf("_weir_words='%s'\n%s", table.c_str(), bash_script);
  return exit_code::ok;
}

} // namespace

void add_completion_command(CLI::App& app, command_line& line) {
  auto* completion = app.add_subcommand("completion", "Print the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([shell, &app, &line] {
    line.command = "completion";
    line.action = [shell, &app] { return write_script(app, *shell); };
  });
}

} // namespace weir::app

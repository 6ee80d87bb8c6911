#include "http_load.hpp"
#include "measure.hpp"
#include "pipe_load.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

namespace {

constexpr const char* usage =
    "use: weir-bench-load pipe --setup FILE [--request FILE --count N --warm N] [--settle-ms N] -- COMMAND...\n"
    "     weir-bench-load http --port N --request FILE [--path P] [--headers FILE] [--connections N] "
    "[--seconds S] [--warm-seconds S]";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

} // namespace

int main(int argc, char** argv) {
  using namespace weir::bench;
  std::signal(SIGPIPE, SIG_IGN);
  if (argc < 2) fail(usage);
  std::map<std::string, std::string> given;
  std::vector<std::string> command;
  for (int i = 2; i < argc; i += 2) {
    if (std::strcmp(argv[i], "--") == 0) {
      command.assign(argv + i + 1, argv + argc);
      break;
    }
    if (std::strncmp(argv[i], "--", 2) != 0 || i + 1 == argc) fail(usage);
    given[argv[i] + 2] = argv[i + 1];
  }
  const auto number = [&](const char* name, double otherwise) {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::atof(found->second.c_str());
  };
  const auto line = [&](const char* name) {
    const auto found = given.find(name);
    if (found == given.end()) return std::string();
    const auto lines = lines_of(read_file(found->second));
    return lines.empty() ? std::string() : lines[0];
  };
  if (std::strcmp(argv[1], "pipe") == 0) {
    if (command.empty() || !given.contains("setup")) fail(usage);
    pipe_load work;
    work.setup = lines_of(read_file(given["setup"]));
    work.request = line("request");
    work.count = static_cast<unsigned long>(number("count", 0));
    work.warm = static_cast<unsigned long>(number("warm", 0));
    work.settle_ms = static_cast<int>(number("settle-ms", 0));
    work.command = command;
    run_pipe_load(work);
  } else if (std::strcmp(argv[1], "http") == 0) {
    http_load work;
    work.port = static_cast<std::uint16_t>(number("port", 0));
    work.request = line("request");
    if (!work.port || work.request.empty()) fail(usage);
    if (given.contains("path")) work.path = given["path"];
    if (given.contains("headers"))
      for (const auto& header : lines_of(read_file(given["headers"]))) work.headers += header + "\r\n";
    work.connections = static_cast<unsigned>(number("connections", 16));
    work.seconds = number("seconds", 3);
    work.warm_seconds = number("warm-seconds", 0.5);
    run_http_load(work);
  } else {
    fail(usage);
  }
}

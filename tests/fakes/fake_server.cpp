#include "fake_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

extern char** environ;

namespace weir::fakes {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(60);

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("fake_openai: " + what); }

struct file {
  int fd = -1;
  ~file() {
    if (fd >= 0) ::close(fd);
  }
  int release() { return std::exchange(fd, -1); }
};

void make_pipe(file& read_end, file& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(std::string("pipe2: ") + std::strerror(errno));
  read_end.fd = ends[0];
  write_end.fd = ends[1];
}

// Appends what comes within the patience; returns false at the end of the stream.
bool read_more(int fd, std::string& to) {
  pollfd p{fd, POLLIN, 0};
  std::array<char, 65536> block;
  for (;;) {
    const int ready = ::poll(&p, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) fail("no bytes within a minute");
    const auto n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) to.append(block.data(), static_cast<std::size_t>(n));
    return n > 0;
  }
}

} // namespace

fake_openai::fake_openai(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {WEIR_FAKE_OPENAI, "--with-parent"});
  std::vector<char*> argv;
  for (auto& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  file in_read, in_write, out_read, out_write;
  make_pipe(in_read, in_write);
  make_pipe(out_read, out_write);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in_read.fd, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out_write.fd, STDOUT_FILENO);
  // The test may have blocked or ignored signals; the child must still end on SIGTERM.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = ::posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    pid_ = -1;
    fail(std::string("cannot start weir-fake-openai: ") + std::strerror(failed));
  }
  stdin_ = in_write.release();
  ::close(out_write.release());
  try {
    read_address(out_read.fd);
  } catch (...) {
    end();
    throw;
  }
}

fake_openai::~fake_openai() { end(); }

void fake_openai::read_address(int from) {
  constexpr std::string_view start = "listening on ";
  std::string text;
  while (text.find('\n') == text.npos)
    if (!read_more(from, text)) fail("weir-fake-openai ended at once; it wrote: " + text);
  text.erase(text.find('\n'));
  const auto colon = text.rfind(':');
  if (!text.starts_with(start) || !text.ends_with("/v1") || colon == text.npos) fail("unexpected first line: " + text);
  base_url_ = text.substr(start.size());
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), port_);
}

void fake_openai::end() noexcept {
  if (stdin_ >= 0) ::close(std::exchange(stdin_, -1));
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = clock::now() + std::chrono::seconds(10);
  for (;;) {
    const auto gone = ::waitpid(pid_, nullptr, WNOHANG);
    if (gone == pid_ || (gone < 0 && errno != EINTR)) break;
    if (clock::now() > deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
}

std::string fake_openai::checksum(std::string_view video_id) const {
  return call("GET", "/_fake/sha256/" + std::string(video_id));
}

std::string fake_openai::call(std::string_view method, std::string_view path, std::string_view body) const {
  file s{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  if (s.fd < 0 || ::connect(s.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("connect: ") + std::strerror(errno));
  std::string text = std::string(method) + ' ' + std::string(path) +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                     "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                     std::string(body);
  for (std::string_view rest = text; !rest.empty();) {
    const auto n = ::send(s.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) fail(std::string("send: ") + std::strerror(errno));
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string got;
  while (read_more(s.fd, got)) {}
  const auto end = got.find("\r\n\r\n");
  if (end == got.npos) fail("no answer to " + std::string(path));
  if (!got.starts_with("HTTP/1.1 200 ")) fail(std::string(path) + ": " + got.substr(end + 4));
  return got.substr(end + 4);
}

} // namespace weir::fakes

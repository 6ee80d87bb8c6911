#include "pipe_load.hpp"

#include "measure.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

extern char** environ;

namespace weir::bench {

namespace {

constexpr int answer_timeout_ms = 60'000;

/// A child process with pipes on its standard input and output.
class child {
 public:
  explicit child(const std::vector<std::string>& command) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) fail("no pipes");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    started_ = clock::now();
    if (const int problem = ::posix_spawnp(&pid_, words[0], &actions, nullptr, words.data(), environ))
      fail("cannot start " + command[0] + ": " + std::strerror(problem));
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
  }

  pid_t pid() const noexcept { return pid_; }
  clock::time_point started() const noexcept { return started_; }

  void send(const std::string& line) {
    for (std::size_t done = 0; done < line.size();) {
      const ssize_t n = ::write(in_, line.data() + done, line.size() - done);
      if (n <= 0) fail("the server closed its input");
      done += static_cast<std::size_t>(n);
    }
  }

  /// The next line that holds `mark`; its length is returned, `error` says whether it is an error response.
  std::size_t receive(const std::string& mark, bool& error) {
    for (;;) {
      const void* newline = std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
      if (!newline) {
        scanned_ = end_;
        fill();
        continue;
      }
      const auto stop = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data());
      const std::string_view line(buffer_.data() + line_start_, stop - line_start_);
      line_start_ = scanned_ = stop + 1;
      if (line.find(mark) == std::string_view::npos) continue;
      // Not the absence of "error": a schema in a result may have a member of that name.
      error =
          line.find("\"result\":") == std::string_view::npos || line.find("\"isError\":true") != std::string_view::npos;
      return line.size();
    }
  }

  /// Closes the input and waits for the end. Returns the seconds that it took.
  double finish() {
    const auto before = clock::now();
    ::close(in_);
    in_ = -1;
    for (;;) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      if (clock::now() - before > std::chrono::seconds(5)) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        break;
      }
      ::usleep(500);
    }
    return std::chrono::duration<double>(clock::now() - before).count();
  }

 private:
  void fill() {
    if (line_start_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + line_start_, end_ - line_start_);
      end_ -= line_start_;
      scanned_ -= line_start_;
      line_start_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    // Without the poll a silent server would hold the measurement for ever; it costs under a microsecond.
    pollfd waiting{out_, POLLIN, 0};
    if (::poll(&waiting, 1, answer_timeout_ms) != 1) fail("no answer within a minute");
    const ssize_t n = ::read(out_, buffer_.data() + end_, buffer_.size() - end_);
    if (n <= 0) fail("the server ended before it answered");
    end_ += static_cast<std::size_t>(n);
  }

  pid_t pid_ = 0;
  int in_ = -1, out_ = -1;
  clock::time_point started_;
  std::vector<char> buffer_ = std::vector<char>(1 << 18);
  std::size_t line_start_ = 0, scanned_ = 0, end_ = 0;
};

std::string mark_of(unsigned long id) { return "\"id\":" + std::to_string(id); }

} // namespace

void run_pipe_load(const pipe_load& work) {
  child server(work.command);
  unsigned long id = 1'000'000; // one width, so that one number is never the beginning of another
  bool error = false;
  double first = 0;
  for (const auto& line : work.setup) {
    ++id;
    server.send(with_id(line, id) + "\n");
    if (line.find("@ID@") == std::string::npos) continue;
    server.receive(mark_of(id), error);
    if (error) fail("a setup line was answered with an error");
    if (first == 0) first = std::chrono::duration<double>(clock::now() - server.started()).count();
  }
  ::usleep(static_cast<useconds_t>(work.settle_ms) * 1000);
  const long idle = memory_kib_of(server.pid(), "VmRSS");
  const double cpu_at_start = cpu_seconds_of(server.pid());

  samples taken;
  std::size_t errors = 0, bytes = 0;
  double cpu_before = 0;
  for (unsigned long i = 0; i < work.warm + work.count; ++i) {
    if (i == work.warm) cpu_before = cpu_seconds_of(server.pid());
    const std::string line = with_id(work.request, ++id) + "\n";
    const std::string mark = mark_of(id);
    const auto sent = clock::now();
    server.send(line);
    bytes = server.receive(mark, error);
    const auto answered = clock::now();
    if (i < work.warm) continue;
    taken.add(answered - sent);
    if (error) ++errors;
  }
  const double cpu = cpu_seconds_of(server.pid()) - cpu_before;
  const long after = memory_kib_of(server.pid(), "VmRSS");
  const double ending = server.finish();
  std::printf(R"({"first_answer_s":%.6f,"start_cpu_s":%.6f,"idle_kib":%ld,"after_kib":%ld,"errors":%zu,)"
              R"("answer_bytes":%zu,"cpu_us_per_call":%.1f,"exit_s":%.4f,%s})"
              "\n",
              first, cpu_at_start, idle, after, errors, bytes,
              work.count ? cpu * 1e6 / static_cast<double>(work.count) : 0.0, ending, taken.to_json().c_str());
}

} // namespace weir::bench

#include "http_load.hpp"

#include "measure.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace weir::bench {

namespace {

struct answer {
  bool complete = false;
  bool good = false;
  bool closes = false;
  std::size_t length = 0;
};

bool has_result(std::string_view body) {
  return body.find("\"result\"") != std::string_view::npos && body.find("\"isError\":true") == std::string_view::npos;
}

/// Reads one response from the beginning of `text`, if it is all there.
answer parse(std::string_view text) {
  answer found;
  const auto head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return found;
  const std::string_view head = text.substr(0, head_end + 2);
  const std::string_view rest = text.substr(head_end + 4);
  const bool ok = head.size() > 12 && head.substr(9, 3) == "200";
  std::size_t length = 0;
  bool chunked = false, has_length = false;
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    if (line.size() > 15 && ::strncasecmp(line.data(), "content-length:", 15) == 0) {
      length = std::strtoul(line.data() + 15, nullptr, 10);
      has_length = true;
    } else if (line.size() > 18 && ::strncasecmp(line.data(), "transfer-encoding:", 18) == 0) {
      chunked = true;
    } else if (line.size() > 11 && ::strncasecmp(line.data(), "connection:", 11) == 0) {
      found.closes = line.find("close") != std::string_view::npos;
    }
    at = end + 2;
  }
  if (has_length) {
    if (rest.size() < length) return found;
    found.length = head_end + 4 + length;
    found.good = ok && has_result(rest.substr(0, length));
  } else if (chunked) {
    std::size_t at = 0;
    for (;;) {
      const auto line = rest.find("\r\n", at);
      if (line == std::string_view::npos) return found;
      const std::size_t size = std::strtoul(rest.data() + at, nullptr, 16);
      if (rest.size() < line + 2 + size + 2) return found;
      at = line + 2 + size + 2;
      if (size == 0) break;
    }
    found.length = head_end + 4 + at;
    found.good = ok && has_result(rest.substr(0, at));
  } else {
    fail("an answer has neither Content-Length nor chunks: " + std::string(head.substr(0, 200)));
  }
  found.complete = true;
  return found;
}

struct connection {
  int fd = -1;
  std::string input;
  clock::time_point sent;
};

class load {
 public:
  explicit load(const http_load& work) : work_(work), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    connections_.resize(work.connections);
  }

  void run() {
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    const auto start = clock::now();
    const auto warm_end =
        start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(work_.warm_seconds));
    const auto end =
        warm_end + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(work_.seconds));
    bool warm = false;
    auto measured_from = warm_end;
    for (auto now = start; now < end; now = clock::now()) {
      if (!warm && now >= warm_end) {
        warm = true;
        measured_from = now;
        taken_.clear();
        errors_ = reconnects_ = 0;
      }
      epoll_event ready[64];
      const int n = ::epoll_wait(epoll_, ready, 64, 1000);
      for (int i = 0; i < n; ++i) serve(ready[i].data.u32);
    }
    const double seconds = std::chrono::duration<double>(clock::now() - measured_from).count();
    timespec own{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    const auto count = taken_.count();
    std::printf(
        R"({"seconds":%.4f,"per_second":%.1f,"errors":%zu,"reconnects":%zu,"driver_cpu_s":%.3f,"first_bad":%s,%s})"
        "\n",
        seconds, static_cast<double>(count) / seconds, errors_, reconnects_,
        static_cast<double>(own.tv_sec) + static_cast<double>(own.tv_nsec) * 1e-9, bad_.empty() ? "null" : "true",
        taken_.to_json().c_str());
    if (!bad_.empty()) std::fprintf(stderr, "weir-bench-load: first bad answer: %.600s\n", bad_.c_str());
  }

 private:
  void open(std::size_t i) {
    auto& one = connections_[i];
    one.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(work_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(one.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("cannot connect");
    const int on = 1;
    ::setsockopt(one.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(one.fd, F_SETFL, O_NONBLOCK);
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.u32 = static_cast<std::uint32_t>(i);
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &interest);
    one.input.clear();
    post(one);
  }

  void post(connection& one) {
    const std::string body = with_id(work_.request, ++id_);
    const std::string text = "POST " + work_.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(work_.port) +
                             "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
                             work_.headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    one.sent = clock::now();
    if (::send(one.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      fail("a request did not go out in one piece");
  }

  void serve(std::size_t i) {
    auto& one = connections_[i];
    char piece[65536];
    const ssize_t n = ::recv(one.fd, piece, sizeof piece, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return again(i);
    one.input.append(piece, static_cast<std::size_t>(n));
    const answer got = parse(one.input);
    if (!got.complete) return;
    taken_.add(clock::now() - one.sent);
    if (!got.good) {
      ++errors_;
      if (bad_.empty()) bad_ = one.input;
    }
    one.input.erase(0, got.length);
    if (got.closes) return again(i);
    post(one);
  }

  void again(std::size_t i) {
    ++reconnects_;
    ::close(connections_[i].fd);
    open(i);
  }

  const http_load& work_;
  int epoll_;
  std::vector<connection> connections_;
  samples taken_;
  std::size_t errors_ = 0, reconnects_ = 0;
  unsigned long id_ = 1'000'000;
  std::string bad_;
};

} // namespace

void run_http_load(const http_load& work) { load(work).run(); }

} // namespace weir::bench

#include "http/multi.hpp"

#include "http/transfer.hpp"

#include <weir/core/error.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace weir::http::detail {
namespace {

constexpr std::size_t max_spare = 32;
constexpr std::size_t max_last_words = 256 * 1024;
constexpr std::size_t max_recent_origins = 64;
constexpr std::size_t max_known_servers = 256;

/// Returns: whether the handle is as new. One that was torn out of its transfer, or shared an HTTP/2 connection, has
/// kept its network buffer and takes no other size for it any more.
bool forget_options(CURL* easy) noexcept {
  curl_easy_reset(easy);
  return curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024) == CURLE_OK;
}

} // namespace

void init_libcurl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (once != CURLE_OK) throw error(errc::internal, "libcurl could not be started");
}

multi::multi(session_pool_options options)
    : options_(std::move(options)), places_(std::max<std::size_t>(1, options_.max_connections)),
      curl_timer_([this] { on_time(); }), deadline_timer_([this] { check_deadlines(); }) {
  init_libcurl();
  load_authorities();
  handle_ = curl_multi_init();
  if (!handle_) throw error(errc::internal, "libcurl has no memory for a pool of connections");
  const auto total = static_cast<long>(places_.capacity());
  curl_multi_setopt(handle_, CURLMOPT_SOCKETFUNCTION, &multi::on_socket);
  curl_multi_setopt(handle_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(handle_, CURLMOPT_TIMERFUNCTION, &multi::on_timer);
  curl_multi_setopt(handle_, CURLMOPT_TIMERDATA, this);
  // The default, four times the handles under way, closes warm connections at every dip in the load.
  curl_multi_setopt(handle_, CURLMOPT_MAXCONNECTS, total);
  curl_multi_setopt(handle_, CURLMOPT_MAX_CONCURRENT_STREAMS,
                    static_cast<long>(std::max<std::size_t>(1, options_.max_connections_per_host)));
  curl_multi_setopt(handle_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

multi::~multi() {
  for (const spare_easy& each : spare_) curl_easy_cleanup(each.easy);
  // Closes the idle connections through close_socket.
  curl_multi_cleanup(handle_);
}

parsed_url multi::server_of(const std::string& url) {
  std::size_t front = url.find("://");
  if (front != std::string::npos) front = url.find_first_of("/?#", front + 3);
  const std::string_view written = std::string_view(url).substr(0, front);
  const bool known_form = front != std::string::npos && url.find('\0') == std::string::npos &&
                          written.find_first_of("@\\ ") == std::string_view::npos;
  if (known_form)
    if (const auto found = servers_.find(written); found != servers_.end()) return found->second;
  const parsed_url parsed = parse_url(url);
  if (known_form) {
    if (servers_.size() >= max_known_servers) servers_.clear();
    servers_.emplace(written, parsed);
  }
  return parsed;
}

task<place> multi::acquire(std::string key, bool is_address) {
  std::shared_ptr<origin> at;
  auto& known = origins_[key];
  at = known.lock();
  if (!at) {
    at = std::make_shared<origin>(std::max<std::size_t>(1, options_.max_connections_per_host));
    at->needs_lookup = !is_address;
    known = at;
    if (recent_origins_.size() >= max_recent_origins) {
      recent_origins_.erase(recent_origins_.begin());
      std::erase_if(origins_, [](const auto& entry) { return entry.second.expired(); });
    }
    recent_origins_.push_back(at);
  }
  permit of_origin = co_await at->places.acquire();
  permit of_all = co_await places_.acquire();
  place mine(at, std::move(of_origin), std::move(of_all));
  while (at->looking_up && at->lookup_due()) {
    at->lookup_ended.reset();
    co_await at->lookup_ended.wait();
  }
  ++requests_;
  co_return mine;
}

void multi::add(transfer& t) {
  transfers_.push_back(t);
  look_at(t.next_deadline());
  if (const CURLMcode code = curl_multi_add_handle(handle_, t.easy()); code != CURLM_OK) {
    t.unlink();
    throw error(errc::internal, std::string("libcurl refused a request: ") + curl_multi_strerror(code));
  }
}

void multi::remove(transfer& t) noexcept {
  t.unlink();
  curl_multi_remove_handle(handle_, t.easy());
}

std::pair<CURL*, bool> multi::take_easy(const easy_kind& kind) {
  const auto same = std::find_if(spare_.rbegin(), spare_.rend(), [&](const spare_easy& s) { return s.kind == kind; });
  if (same != spare_.rend()) {
    CURL* easy = same->easy;
    spare_.erase(std::next(same).base());
    return {easy, true};
  }
  while (!spare_.empty()) {
    const spare_easy last = std::move(spare_.back());
    spare_.pop_back();
    if (!last.kind || forget_options(last.easy)) return {last.easy, false};
    curl_easy_cleanup(last.easy);
  }
  CURL* easy = curl_easy_init();
  if (!easy) throw error(errc::internal, "libcurl has no memory for a request");
  return {easy, false};
}

void multi::give_easy(CURL* easy, const easy_kind* kind) noexcept {
  const auto keep = [&] {
    if (spare_.size() >= max_spare) return false;
    if (!kind && !forget_options(easy)) return false;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr)); // of a transfer that dies
    spare_.push_back({easy, kind ? std::optional(*kind) : std::nullopt});
    return true;
  };
  try {
    if (keep()) return;
  } catch (const std::bad_alloc&) {
    // Then it is not kept.
  }
  curl_easy_cleanup(easy);
}

session_pool_stats multi::stats() const noexcept {
  std::size_t waiting = places_.waiting();
  for (const auto& [key, known] : origins_)
    if (const auto at = known.lock()) waiting += at->places.waiting();
  return {.in_flight = places_.in_use(),
          .waiting = waiting,
          .open_connections = open_sockets_,
          .opened_connections = opened_sockets_,
          .requests = requests_,
          .bytes_sent = bytes_sent_,
          .bytes_received = bytes_received_};
}

// --- libcurl's callbacks ---

curl_socket_t multi::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& m = *static_cast<multi*>(self);
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  m.last_words(fd); // of an earlier one with this number
  try {
    watched_socket old;
    if (static_cast<std::size_t>(fd) < m.sockets_.size())
      old = std::exchange(m.sockets_[static_cast<std::size_t>(fd)], {});
    if (old.ours) --m.open_sockets_;
    old.watch.reset();
    watched_socket& s = m.watch(fd);
    struct stat status{};
    s.ours = ::fstat(fd, &status) == 0;
    s.inode = status.st_ino;
    // libcurl believes that it has already told us what it wants from this number.
    s.interest = s.registered = old.interest;
    s.watch->want(s.registered);
  } catch (...) {
    ::close(fd);
    return CURL_SOCKET_BAD;
  }
  ++m.open_sockets_;
  ++m.opened_sockets_;
  return fd;
}

int multi::close_socket(void* self, curl_socket_t fd) {
  auto& m = *static_cast<multi*>(self);
  if (m.driving_) m.keep_last_words(fd);
  if (static_cast<std::size_t>(fd) < m.sockets_.size()) m.sockets_[static_cast<std::size_t>(fd)] = {};
  --m.open_sockets_;
  return ::close(fd);
}

void multi::keep_last_words(curl_socket_t fd) noexcept {
  try {
    std::string bytes;
    char piece[4096];
    ssize_t n = 0;
    while (bytes.size() < max_last_words && (n = ::recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
      bytes.append(piece, static_cast<std::size_t>(n));
    if (!bytes.empty()) last_words_.emplace_back(fd, std::move(bytes));
  } catch (const std::bad_alloc&) {
    // Then there is one error more.
  }
}

std::string multi::last_words(curl_socket_t fd) {
  for (auto& [of, bytes] : last_words_)
    if (of == fd) return std::move(bytes);
  return {};
}

bool multi::is_gone(curl_socket_t fd, const watched_socket& s) const noexcept {
  struct stat status{};
  return ::fstat(fd, &status) != 0 || status.st_ino != s.inode;
}

int multi::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) {
  auto& m = *static_cast<multi*>(self);
  try {
    if (what == CURL_POLL_REMOVE) {
      if (static_cast<std::size_t>(fd) >= m.sockets_.size()) return 0;
      watched_socket& s = m.sockets_[static_cast<std::size_t>(fd)];
      const bool gone = s.ours && (s.interest & EPOLLOUT) && m.is_gone(fd, s);
      if (gone) --m.open_sockets_;
      s.interest = 0;
      if (gone || !s.ours) s = {}; // not ours: the resolver's wake-up pair, which is closed without telling us
      return 0;
    }
    transfer* t = nullptr;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t) == CURLE_OK && t) t->note_socket(fd);
    watched_socket& s = m.watch(fd);
    s.interest = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (s.interest & ~s.registered) {
      s.registered = s.interest | (s.registered & EPOLLIN);
      s.watch->want(s.registered);
    }
    return 0;
  } catch (...) {
    return -1;
  }
}

int multi::on_timer(CURLM*, long wait_ms, void* self) {
  auto& m = *static_cast<multi*>(self);
  if (wait_ms < 0) {
    // The armed timer stays: taking it out and putting it back for every request costs more than one idle wake-up.
    m.curl_due_ = clock::time_point::max();
    return 0;
  }
  m.curl_due_ = clock::now() + std::chrono::milliseconds(wait_ms);
  if (m.curl_due_ < m.curl_armed_) {
    m.curl_armed_ = m.curl_due_;
    m.curl_timer_.arm(m.curl_due_);
  }
  return 0;
}

// --- events of the loop ---

multi::watched_socket& multi::watch(curl_socket_t fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (sockets_.size() <= index) sockets_.resize(index + 1);
  watched_socket& s = sockets_[index];
  if (!s.watch) s.watch = std::make_unique<fd_watch>(fd, [this, fd](unsigned events) { on_event(fd, events); });
  return s;
}

void multi::on_event(curl_socket_t fd, unsigned events) {
  watched_socket& s = sockets_[static_cast<std::size_t>(fd)];
  // An early answer may have come in, and the connection been reset behind it, since the kernel was asked. libcurl
  // reads before it sends where it knows that there is something, and loses the answer where the sending fails first.
  if ((events & EPOLLOUT) && (s.interest & EPOLLIN) && !(events & EPOLLIN)) {
    pollfd now{fd, POLLIN, 0};
    if (::poll(&now, 1, 0) == 1 && (now.revents & POLLIN)) events |= EPOLLIN;
  }
  const unsigned trouble = events & (EPOLLERR | EPOLLHUP);
  if (events & (EPOLLIN | EPOLLOUT) & ~s.interest || (trouble && !s.interest)) {
    s.registered = s.interest;
    s.watch->want(s.registered);
  }
  const int mask = (events & s.interest & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events & s.interest & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (trouble && s.interest ? CURL_CSELECT_ERR : 0);
  if (mask != 0) drive(fd, mask); // may close the socket: `s` is not valid from here on
}

void multi::on_time() {
  curl_armed_ = clock::time_point::max();
  if (clock::now() < curl_due_) {
    if (curl_due_ != clock::time_point::max()) {
      curl_armed_ = curl_due_;
      curl_timer_.arm(curl_due_);
    }
    return;
  }
  curl_due_ = clock::time_point::max();
  drive(CURL_SOCKET_TIMEOUT, 0);
}

void multi::drive(curl_socket_t fd, int mask) {
  int running = 0;
  drive_began_ = clock::now();
  driving_ = true;
  curl_multi_socket_action(handle_, fd, mask, &running);
  driving_ = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handle_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    transfer* t = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    t->finished(message->data.result);
  }
  last_words_.clear();
}

void multi::look_at(clock::time_point due) {
  if (due >= deadline_armed_) return;
  deadline_armed_ = due;
  deadline_timer_.arm(due);
}

void multi::check_deadlines() {
  deadline_armed_ = clock::time_point::max();
  const auto now = clock::now();
  auto next = clock::time_point::max();
  transfers_.for_each([&](transfer& t) {
    if (t.done()) return;
    if (t.next_deadline() <= now)
      t.expire(now);
    else
      next = std::min(next, t.next_deadline());
  });
  if (next != clock::time_point::max()) look_at(next);
}

} // namespace weir::http::detail

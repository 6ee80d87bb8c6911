#pragma once

#include "http/curl.hpp"
#include "http/url.hpp"

#include <weir/core/event.hpp>
#include <weir/core/fd_watch.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/task.hpp>
#include <weir/core/timer.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/http/session_pool.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::http::detail {

class transfer;
struct in_multi;

/// What is known of one server (scheme, host, port): its share of the pool, and whether its name was looked up lately.
struct origin {
  explicit origin(std::size_t max_connections) : places(max_connections) {}

  /// Whether the next request will start a look-up of the name.
  bool lookup_due() const noexcept { return needs_lookup && clock::now() >= lookup_good_until; }
  void end_lookup(std::chrono::seconds good_for) noexcept {
    lookup_good_until = clock::now() + good_for;
    looking_up = false;
    lookup_ended.set();
  }

  limiter places;
  bool needs_lookup = true; // false for an address
  bool looking_up = false;
  clock::time_point lookup_good_until{};
  event lookup_ended;
};

// libcurl keeps an answer of the resolver for 60 s; the margin keeps a crowd from finding it gone.
inline constexpr std::chrono::seconds lookup_lasts{55};

/// The right to have one request under way to an origin. Given back when it dies.
class [[nodiscard]] place {
 public:
  place(std::shared_ptr<origin> at, permit of_origin, permit of_all)
      : origin_(std::move(at)), of_origin_(std::move(of_origin)), of_all_(std::move(of_all)) {}
  place(place&&) noexcept = default;

  origin& at() const noexcept { return *origin_; }

 private:
  std::shared_ptr<origin> origin_; // outlives the permit below
  permit of_origin_;
  permit of_all_;
};

/// The options of an easy handle that stay as they are from request to request. They are not set anew for each: libcurl
/// copies every text, and looks every protocol up.
struct easy_kind {
  bool secure = true;
  bool collect = true;
  bool accept_compressed = false;
  bool repeatable = false;
  std::chrono::milliseconds connect{0};
  std::string user_agent;
  bool operator==(const easy_kind&) const = default;
};

/// One libcurl multi handle on one loop: descriptors, timers and completions.
///
/// The rules that it keeps (each has cost somebody a bug or half the speed):
/// - libcurl is entered from the loop only, never from one of its own callbacks; callbacks only note things and set
/// events.
/// - A socket is watched from its opening to its closing. "No more interest" between two requests costs no system call:
///   the registration is corrected only when an event comes that nobody asked for.
/// - Up to 7.88 libcurl closes a socket that is still connecting without asking close_socket; its number may be in use
///   again before we hear of that. open_socket and on_socket look after it.
/// - A timer of 0 ms becomes one turn of the loop for everybody; a longer one moves the armed timer only when it is
/// earlier.
/// - The cap on requests lies in front of libcurl, whose own queue is quadratic.
class multi : public std::enable_shared_from_this<multi> {
 public:
  explicit multi(session_pool_options options);
  ~multi();
  multi(const multi&) = delete;
  multi& operator=(const multi&) = delete;

  /// As parse_url, which takes some ten allocations; a server that was asked before is known by the front of its URL.
  /// What follows it is then checked by libcurl when the request starts.
  parsed_url server_of(const std::string& url);

  /// Waits for a place to send a request to `key` ("https://host:port"). The first of many that would all look up the
  /// same name goes ahead alone: libcurl starts a thread for every look-up.
  task<place> acquire(std::string key, bool is_address);

  /// The time, while libcurl works that of when it began: it asks often, and calls back for every line of a head.
  clock::time_point now() const noexcept { return driving_ ? drive_began_ : clock::now(); }

  void add(transfer& t);
  void remove(transfer& t) noexcept;
  /// Makes sure that the deadlines of the transfers are looked at no later than `due`.
  void look_at(clock::time_point due);

  /// Adds what a request moved to the totals.
  void count(std::uint64_t sent, std::uint64_t received) noexcept {
    bytes_sent_ += sent;
    bytes_received_ += received;
  }

  /// What had come in on a socket that libcurl has just closed, and that it had not read. Once.
  std::string last_words(curl_socket_t fd);

  /// Returns: a handle, and whether the options of `kind` are set on it; else none is.
  std::pair<CURL*, bool> take_easy(const easy_kind& kind);
  /// Takes it back. `kind`: whose options are set on it, and nothing else that matters to the next request; nullptr:
  /// nobody knows.
  void give_easy(CURL* easy, const easy_kind* kind) noexcept;

  const session_pool_options& options() const noexcept { return options_; }
  const std::string& ca_path() const noexcept { return ca_path_; }
  /// Of the caller's own certificate and key; empty for none.
  const std::string& certificate_path() const noexcept { return options_.client_certificate_file; }
  session_pool_stats stats() const noexcept;

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address);
  static int close_socket(void* self, curl_socket_t fd);

 private:
  struct watched_socket {
    std::unique_ptr<fd_watch> watch;
    unsigned interest = 0;   // what libcurl wants to hear of
    unsigned registered = 0; // what the kernel was told
    bool ours = false;       // opened by open_socket
    std::uint64_t inode = 0; // of a socket of ours: tells it from a later one with the same number
  };

  void keep_last_words(curl_socket_t fd) noexcept;
  bool is_gone(curl_socket_t fd, const watched_socket& s) const noexcept;
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long wait_ms, void* self);
  watched_socket& watch(curl_socket_t fd);
  void on_event(curl_socket_t fd, unsigned events);
  void on_time();
  void drive(curl_socket_t fd, int mask);
  void check_deadlines();
  void load_authorities();

  session_pool_options options_;
  CURLM* handle_ = nullptr;
  limiter places_;
  std::map<std::string, std::weak_ptr<origin>, std::less<>> origins_;
  std::map<std::string, parsed_url, std::less<>> servers_; // by "https://host:port" as it was written
  std::vector<std::shared_ptr<origin>> recent_origins_;    // keeps what was looked up for a while
  std::vector<watched_socket> sockets_;                    // by descriptor
  std::size_t open_sockets_ = 0;
  std::size_t opened_sockets_ = 0;
  bool driving_ = false;
  clock::time_point drive_began_{};
  std::vector<std::pair<curl_socket_t, std::string>> last_words_;
  std::uint64_t requests_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  struct spare_easy {
    CURL* easy;
    std::optional<easy_kind> kind; // nullopt: no option is set
  };
  std::vector<spare_easy> spare_;
  weir::detail::list<transfer, in_multi> transfers_;
  timer curl_timer_;
  clock::time_point curl_due_ = clock::time_point::max();
  clock::time_point curl_armed_ = clock::time_point::max();
  timer deadline_timer_;
  clock::time_point deadline_armed_ = clock::time_point::max();
  std::string ca_path_;
  unique_fd ca_file_;
};

/// libcurl's global state, once per process. Thread-safety: any thread.
void init_libcurl();

} // namespace weir::http::detail

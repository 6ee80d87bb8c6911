#include "http/transfer.hpp"

#include "http/url.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

namespace weir::http::detail {
namespace {

constexpr std::size_t max_head_bytes = 256 * 1024;
// When a compressed body is paused, libcurl unpacks a whole network buffer on the side: keep that small.
constexpr long small_network_buffer = 16 * 1024;
constexpr long large_network_buffer = 64 * 1024;
constexpr std::uint64_t large_upload = 1024 * 1024;
// Larger bodies go through the read callback, which is how the idle clock sees that they are moving.
constexpr std::size_t one_write_bytes = 64 * 1024;
constexpr std::chrono::milliseconds report_every{100};

bool allows_body(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

std::string ms_text(std::chrono::milliseconds ms) { return std::to_string(ms.count()) + " ms"; }

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

} // namespace

// Functions that libcurl calls. None of them may throw or enter libcurl.
struct transfer::callbacks {
  static std::size_t header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& t = *static_cast<transfer*>(self);
    if (t.done_) return 0;
    try {
      t.last_activity_ = t.engine_->now();
      t.head_line({data, size});
    } catch (...) {
      t.failure_ = std::current_exception();
    }
    return t.failure_ ? 0 : size;
  }

  static std::size_t write(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& t = *static_cast<transfer*>(self);
    if (t.done_) return 0;
    try {
      return t.body_bytes(std::as_bytes(std::span(data, size)));
    } catch (...) {
      t.failure_ = std::current_exception();
      return 0;
    }
  }

  static std::size_t read(char* into, std::size_t, std::size_t size, void* self) noexcept {
    auto& t = *static_cast<transfer*>(self);
    t.last_activity_ = t.engine_->now();
    const std::size_t n = t.upload_.give(into, size);
    if (n > 0 || !t.upload_.starved()) return n;
    if (t.upload_.failed()) {
      t.failure_ = t.upload_failure();
      return CURL_READFUNC_ABORT;
    }
    t.sending_paused_ = true;
    return CURL_READFUNC_PAUSE;
  }

  static int seek(void* self, curl_off_t offset, int origin) noexcept {
    auto& t = *static_cast<transfer*>(self);
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    return t.upload_.seek(static_cast<std::uint64_t>(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
  }

  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept {
    auto& t = *static_cast<transfer*>(self);
    t.end_lookup(lookup_lasts);
    return multi::open_socket(t.engine_.get(), purpose, address);
  }

  // The connection stands and the first byte of the request is about to leave.
  static int before_request(void* self, char*, char*, int, int) noexcept {
    auto& t = *static_cast<transfer*>(self);
    // No socket was opened, so nothing is known of the name; a short time keeps the others from queueing here.
    t.end_lookup(std::chrono::seconds(5));
    t.last_activity_ = t.engine_->now();
    // libcurl sends a request again by itself where a kept connection turns out to be dead.
    if (++t.requests_made_ > 1 && !t.work_.repeatable) return CURL_PREREQFUNC_ABORT;
    t.request_sent_ = true;
    t.engine_->look_at(t.next_deadline());
    return CURL_PREREQFUNC_OK;
  }
};

transfer::transfer(std::shared_ptr<multi> engine, origin& at, const hop& work)
    : engine_(std::move(engine)), origin_(at), work_(work), upload_(work.body) {
  std::tie(easy_, kind_is_set_) = engine_->take_easy(kind());
  head_.url = without_user(work.url);
}

transfer::~transfer() {
  leave_multi();
  count_bytes();
  end_lookup(std::chrono::seconds(0));
  const bool as_it_was = is_plain_ && done_;
  const std::optional<easy_kind> known = as_it_was ? std::optional(kind()) : std::nullopt;
  engine_->give_easy(easy_, known ? &*known : nullptr);
  curl_slist_free_all(lines_);
}

easy_kind transfer::kind() const {
  return {.secure = work_.secure,
          .collect = work_.collect,
          .accept_compressed = work_.accept_compressed,
          .repeatable = work_.repeatable,
          .connect = work_.timeouts.connect,
          .user_agent = work_.user_agent};
}

void transfer::start() {
  if (origin_.lookup_due()) looks_up_ = origin_.looking_up = true;
  is_plain_ =
      !looks_up_ && work_.method == "GET" && !work_.body.has_value() && work_.url.find('@') == std::string::npos;
  set_options();
  set_headers();
  set_body();
  started_ = last_activity_ = clock::now();
  engine_->add(*this);
  in_multi_ = true;
  if (work_.on_progress && work_.body.size_bytes() != 0) {
    report_timer_.emplace([this] {
      report_upload();
      if (!done_ && reported_bytes_ != work_.body.size_bytes()) report_timer_->arm(clock::now() + report_every);
    });
    report_timer_->arm(clock::now() + report_every);
  }
}

template <class Value>
void transfer::set(CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(easy_, option, value); code != CURLE_OK)
    throw error(errc::internal, "libcurl refused option " + std::to_string(option) + ": " + curl_easy_strerror(code));
}

void transfer::set_options() {
  if (!kind_is_set_) set_kind();
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, error_text_);
  set(CURLOPT_URL, work_.url.c_str());
  if (looks_up_) set(CURLOPT_DNS_CACHE_TIMEOUT, 1L);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_PREREQDATA, this);
}

/// What easy_kind holds, and what is the same for all requests.
void transfer::set_kind() {
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  // Without it the removal of a handle whose name is being looked up waits for the resolver, on the loop's thread.
  set(CURLOPT_QUICK_EXIT, 1L);

  if (work_.secure) {
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // A folder of authorities, which Debian's libcurl sets, switches off the cache of the parsed ones.
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    if (!engine_->ca_path().empty()) set(CURLOPT_CAINFO, engine_->ca_path().c_str());
    if (!engine_->certificate_path().empty()) {
      set(CURLOPT_SSLCERT, engine_->certificate_path().c_str());
      set(CURLOPT_SSLKEY, engine_->certificate_path().c_str());
    }
  }
  if (engine_->options().proxy) set(CURLOPT_PROXY, engine_->options().proxy->c_str());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  // HTTP/2 without TLS breaks on the second request, and a paused HTTP/2 stream is buffered up to 32 MB.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(work_.collect ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PIPEWAIT, work_.collect ? 1L : 0L);
  if (!work_.repeatable) set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_BUFFERSIZE, work_.accept_compressed ? small_network_buffer : large_network_buffer);
  if (work_.accept_compressed) set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_USERAGENT, work_.user_agent.c_str());
  if (work_.timeouts.connect.count() > 0)
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(work_.timeouts.connect.count()));
  set(CURLOPT_HTTP09_ALLOWED, 0L);

  set(CURLOPT_HEADERFUNCTION, &callbacks::header);
  set(CURLOPT_WRITEFUNCTION, &callbacks::write);
  set(CURLOPT_OPENSOCKETFUNCTION, &callbacks::open_socket);
  set(CURLOPT_CLOSESOCKETFUNCTION, &multi::close_socket);
  set(CURLOPT_CLOSESOCKETDATA, engine_.get());
  set(CURLOPT_PREREQFUNCTION, &callbacks::before_request);
}

void transfer::set_headers() {
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(lines_, line.c_str());
    if (!longer) throw error(errc::internal, "libcurl has no memory for a header");
    lines_ = longer;
  };
  std::string line;
  if (work_.body.has_value() || allows_body(work_.method)) {
    // No pause for "100 Continue"; no type that libcurl makes up.
    add("Expect:");
    if (!work_.fields.contains("Content-Type")) {
      const std::string_view type = work_.body.content_type();
      add(type.empty() ? "Content-Type:" : line.append("Content-Type: ").append(type));
    }
  }
  for (const headers::field& f : work_.fields) {
    // libcurl's way to say "send it empty" is a semicolon.
    line.assign(f.name).append(f.value.empty() ? ";" : ": ").append(f.value);
    add(line);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, lines_);
}

void transfer::set_body() {
  const std::string& method = work_.method;
  if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (work_.body.has_value() || allows_body(method)) {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(work_.body.size_bytes()));
    if (work_.body.size_bytes() == 0) {
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, "");
    } else if (const std::string* bytes = upload_.as_one_string(); bytes && bytes->size() <= one_write_bytes) {
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, bytes->data());
      body_in_head_ = bytes->size() < one_write_bytes;
    } else {
      curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &callbacks::read);
      curl_easy_setopt(easy_, CURLOPT_READDATA, this);
      curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &callbacks::seek);
      curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    }
    if (work_.body.size_bytes() >= large_upload)
      curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(upload::chunk_bytes));
    if (method == "POST") return;
  } else if (method == "GET") {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    return;
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
}

// --- the answer ---

void transfer::head_line(std::string_view line) {
  if (head_complete_) return; // trailers are not handed on
  head_bytes_ += line.size();
  if (head_bytes_ > max_head_bytes)
    std::rethrow_exception(problem(errc::too_large, "the headers of the answer are longer than " +
                                                        std::to_string(max_head_bytes) + " bytes"));
  line = without_line_end(line);
  if (line.starts_with("HTTP/")) {
    head_.headers.clear();
    head_.headers.reserve(12);
    head_.status = 0;
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      const std::string_view code = line.substr(space + 1, 3);
      std::from_chars(code.data(), code.data() + code.size(), head_.status);
    }
    return;
  }
  if (line.empty()) {
    end_of_head();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(colon + 1);
  // A field that could not be sent on as a header is not taken in.
  if (is_valid_header_name(name) && is_valid_header_value(value)) head_.headers.add(name, value);
}

void transfer::end_of_head() {
  if (head_.status < 200) return; // 100 Continue, 103 Early Hints: the real one follows
  const auto lengths = head_.headers.all("Content-Length");
  const bool chunked = head_.headers.contains("Transfer-Encoding");
  for (const std::string_view text : lengths) {
    std::uint64_t length = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (fault != std::errc() || end != text.data() + text.size() || text != lengths.front())
      std::rethrow_exception(problem(errc::corrupt, "the answer has a Content-Length that is no single number"));
    if (!chunked) head_.content_length = length;
  }
  const auto coding = head_.headers.get("Content-Encoding");
  head_.compressed = work_.accept_compressed && coding && !equals_ignoring_case(*coding, "identity");
  const bool bodiless = work_.method == "HEAD" || head_.status == 204 || head_.status == 304;
  if (!bodiless && !head_.compressed && work_.max_body_bytes != 0 && head_.content_length &&
      *head_.content_length > work_.max_body_bytes && head_.status / 100 != 3)
    std::rethrow_exception(problem(errc::too_large, "the body has " + std::to_string(*head_.content_length) +
                                                        " bytes, more than the limit of " +
                                                        std::to_string(work_.max_body_bytes)));
  if (work_.collect && head_.content_length && !bodiless)
    collected_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*head_.content_length, 1 << 20)));
  head_complete_ = true;
  changed_.set();
}

std::size_t transfer::body_bytes(std::span<const std::byte> piece) {
  last_activity_ = engine_->now();
  if (!work_.collect && !buffer_.empty() && buffer_.size() + piece.size() > work_.max_buffer_bytes) {
    receiving_paused_ = true;
    changed_.set();
    return CURL_WRITEFUNC_PAUSE;
  }
  if (work_.max_body_bytes != 0 && piece.size() > work_.max_body_bytes - body_bytes_)
    std::rethrow_exception(problem(errc::too_large, "the body is longer than the limit of " +
                                                        std::to_string(work_.max_body_bytes) + " bytes" +
                                                        (head_.compressed ? " after decompression" : "")));
  body_bytes_ += piece.size();
  if (work_.collect) {
    collected_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return piece.size();
  }
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
  if (buffer_.size() >= work_.piece_bytes) changed_.set();
  return piece.size();
}

void transfer::take(std::vector<std::byte>& spare) {
  spare.clear();
  spare.swap(buffer_);
  buffer_.reserve(spare.capacity());
  if (!receiving_paused_) return;
  receiving_paused_ = false;
  last_activity_ = clock::now();
  engine_->look_at(next_deadline());
  apply_pauses();
}

void transfer::apply_pauses() noexcept {
  if (done_ || !in_multi_) return;
  // May call body_bytes or the read callback, and so pause again, before it returns.
  const int pauses = (receiving_paused_ ? CURLPAUSE_RECV : 0) | (sending_paused_ ? CURLPAUSE_SEND : 0);
  if (const CURLcode code = curl_easy_pause(easy_, pauses); code != CURLE_OK) finished(code);
}

task<void> transfer::feed() {
  co_await upload_.read_ahead([this] {
    sending_paused_ = false;
    apply_pauses();
  });
}

// --- the end ---

task<void> transfer::head_received() {
  while (!head_complete_ && !done_) {
    changed_.reset();
    co_await changed_.wait();
  }
  if (report_timer_ && uploaded_bytes() == work_.body.size_bytes()) report_upload();
}

task<void> transfer::piece_ready() {
  while (!done_ && !receiving_paused_ && buffer_.size() < work_.piece_bytes) {
    changed_.reset();
    co_await changed_.wait();
  }
}

task<void> transfer::ended() {
  while (!done_) {
    changed_.reset();
    co_await changed_.wait();
  }
  if (report_timer_ && uploaded_bytes() == work_.body.size_bytes()) report_upload();
}

std::uint64_t transfer::uploaded_bytes() const noexcept {
  curl_off_t sent = 0;
  curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &sent);
  return static_cast<std::uint64_t>(std::max<curl_off_t>(sent, 0));
}

void transfer::report_upload() {
  // libcurl counts from 0 again where it sends a request anew by itself.
  const std::uint64_t sent = uploaded_bytes();
  if (sent != std::exchange(reported_bytes_, sent)) (*work_.on_progress)(sent, work_.body.size_bytes());
}

void transfer::count_bytes() noexcept {
  long request = 0, head = 0;
  curl_off_t body = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request);
  curl_easy_getinfo(easy_, CURLINFO_HEADER_SIZE, &head);
  curl_easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &body);
  // What leaves together with the head is in both counters.
  // Before it was sent, a handle that was used before tells what that request moved.
  if (kind_is_set_ && !request_sent_) return;
  engine_->count(static_cast<std::uint64_t>(request) + (body_in_head_ ? 0 : uploaded_bytes()),
                 static_cast<std::uint64_t>(head) + static_cast<std::uint64_t>(body) + late_bytes_);
}

void transfer::end_lookup(std::chrono::seconds good_for) noexcept {
  if (!std::exchange(looks_up_, false)) return;
  origin_.end_lookup(good_for);
}

bool transfer::answer_is_complete() const noexcept {
  if (!head_complete_) return false;
  if (work_.method == "HEAD" || head_.status == 204 || head_.status == 304) return true;
  curl_off_t body = 0;
  return head_.content_length && curl_easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &body) == CURLE_OK &&
         static_cast<std::uint64_t>(body) == *head_.content_length;
}

bool transfer::take_last_words() noexcept {
  // The sending failed before libcurl looked for an answer that was there. Only what can be told for certain is taken:
  // a whole answer with a length, in plain text, of which libcurl has read nothing.
  if (failure_ || work_.secure || head_bytes_ != 0 || !request_sent_) return false;
  try {
    const std::string bytes = engine_->last_words(socket_);
    std::string_view rest = bytes;
    while (!head_complete_) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos || (head_bytes_ == 0 && !rest.starts_with("HTTP/1."))) return false;
      head_line(rest.substr(0, end + 1));
      rest.remove_prefix(end + 1);
    }
    late_bytes_ = bytes.size();
    if (work_.method == "HEAD" || head_.status == 204 || head_.status == 304) return true;
    if (!head_.content_length || head_.compressed) return false;
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), *head_.content_length));
    if (size != 0) body_bytes(std::as_bytes(std::span(rest.substr(0, size))));
    return size == *head_.content_length;
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
}

void transfer::finished(CURLcode code) noexcept {
  if (done_) return;
  // A server may answer before it has read everything, and close; what could not be sent is of no interest then.
  const bool answered =
      (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) && (answer_is_complete() || take_last_words());
  if (!failure_ && code != CURLE_OK && !answered) failure_ = failure(code);
  is_plain_ = is_plain_ && code == CURLE_OK;
  done_ = true;
  changed_.set();
}

void transfer::fail(std::exception_ptr why) noexcept {
  if (done_) return;
  failure_ = std::move(why);
  is_plain_ = false;
  done_ = true;
  leave_multi();
  changed_.set();
}

void transfer::leave_multi() noexcept {
  if (std::exchange(in_multi_, false)) engine_->remove(*this);
}

clock::time_point transfer::next_deadline() const noexcept {
  auto due = clock::time_point::max();
  if (work_.timeouts.total.count() > 0) due = started_ + work_.timeouts.total;
  const bool connecting = !request_sent_ && work_.timeouts.connect.count() > 0; // libcurl has that clock
  if (work_.timeouts.idle.count() > 0 && !receiving_paused_ && !connecting)
    due = std::min(due, last_activity_ + work_.timeouts.idle);
  return due;
}

void transfer::expire(clock::time_point now) noexcept {
  const auto& limits = work_.timeouts;
  const bool total = limits.total.count() > 0 && now >= started_ + limits.total;
  if (!total && still_leaving()) {
    last_activity_ = now;
    engine_->look_at(next_deadline());
    return;
  }
  std::string text =
      total ? "not finished within " + ms_text(limits.total) : "nothing was heard for " + ms_text(limits.idle);
  if (head_complete_) {
    text += ", after " + std::to_string(body_bytes_);
    if (head_.content_length && !head_.compressed) text += " of " + std::to_string(*head_.content_length);
    text += " bytes of the body";
  }
  fail(problem(errc::timeout, text));
}

bool transfer::still_leaving() noexcept {
  int queued = 0;
  if (work_.body.size_bytes() <= one_write_bytes || !request_sent_ || head_complete_ ||
      ::ioctl(socket_, SIOCOUTQ, &queued) != 0)
    return false;
  // Nobody looked before the first time: what has drained since the last byte was handed over counts.
  return std::exchange(queued_bytes_, queued) != queued;
}

void transfer::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

std::exception_ptr transfer::upload_failure() const noexcept {
  try {
    std::rethrow_exception(upload_.failure());
  } catch (const error& e) {
    return problem(e.code(), e.what());
  } catch (...) {
    return std::current_exception();
  }
}

std::exception_ptr transfer::problem(errc code, const std::string& text) const {
  return std::make_exception_ptr(
      transport_error(code, work_.method + " " + shown_url(work_.url) + ": " + text, request_sent_));
}

std::exception_ptr transfer::failure(CURLcode code) const {
  const std::string reason = *error_text_ ? error_text_ : curl_easy_strerror(code);
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_CONNECT:
  case CURLE_PROXY:
    return problem(errc::unavailable, "no connection: " + reason);
  case CURLE_OPERATION_TIMEDOUT:
    return problem(errc::timeout, "no connection within " + ms_text(work_.timeouts.connect));
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
    return problem(errc::unavailable, "the server's certificate was not accepted: " + reason +
                                          "; if it is signed by an authority of your own, name that in ca_file");
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CIPHER:
    return problem(errc::unavailable, "no TLS connection: " + reason);
  case CURLE_URL_MALFORMAT:
    return problem(errc::invalid_argument, "the URL cannot be used: " + reason);
  case CURLE_BAD_CONTENT_ENCODING:
    return problem(errc::corrupt, "the body cannot be decompressed: " + reason);
  case CURLE_UNSUPPORTED_PROTOCOL: // the URL's own was checked before: this is HTTP/0.9, or a version there is not
  case CURLE_WEIRD_SERVER_REPLY:
    return problem(errc::corrupt, "the answer is not HTTP: " + reason);
  case CURLE_OUT_OF_MEMORY:
    return problem(errc::too_large, "the body takes too much memory to decompress");
  default:
    break;
  }
  if (head_complete_ || code == CURLE_PARTIAL_FILE) {
    std::string text = "the body was cut after " + std::to_string(body_bytes_);
    if (head_.content_length && !head_.compressed) text += " of " + std::to_string(*head_.content_length);
    return problem(errc::unavailable, text + " bytes (" + reason + ")");
  }
  if (code == CURLE_GOT_NOTHING || code == CURLE_ABORTED_BY_CALLBACK)
    return problem(errc::unavailable, "the server closed the connection without an answer");
  return problem(errc::unavailable, "the connection broke before the answer: " + reason);
}

} // namespace weir::http::detail

#include "providers/openai_wire.hpp"

#include "providers/openai_spool.hpp"

#include <weir/core/sleep.hpp>
#include <weir/files/async.hpp>
#include <weir/http/download.hpp>
#include <weir/http/load_client.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <random>

namespace weir::providers::openai {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::uint64_t max_json_bytes = 16 << 20;
constexpr std::uint64_t max_picture_bytes = 128 << 20;
constexpr std::size_t small_json_bytes = 64 * 1024; // parsed on the loop's thread: 0.2 ms
// The slowest line that a large upload is given time for.
constexpr std::uint64_t slow_upload_bytes_per_second = 128 * 1024;
constexpr int max_reads = 3;
constexpr int max_picture_reads = 5;

std::string host_of(std::string_view url) {
  if (const auto at = url.find("://"); at != url.npos) url.remove_prefix(at + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  std::string host(url.substr(0, url.find(':')));
  std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
  while (host.ends_with('.')) host.pop_back();
  return host;
}

std::vector<std::string> secrets_of(const openai_options& options) {
  std::vector<std::string> secrets{options.api_key};
  for (const auto& [name, value] : options.headers) secrets.push_back(value);
  return secrets;
}

json::object parsed(std::string_view body) {
  json::value v = json::parse(body);
  if (!v.is_object()) throw error(errc::corrupt, "it is no JSON object");
  return std::move(v.get_object());
}

milliseconds pause_before(int attempt) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return http::backoff({}, attempt, static_cast<std::uint32_t>(random()) << 1);
}

/// Keeps a download in an unlinked file until it is complete.
class spool_target final : public http::download_target {
 public:
  void write(std::span<const std::byte> bytes) override {
    kept_.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void reset() override { kept_.clear(); }
  std::uint64_t bytes() const override { return kept_.size_bytes(); }
  spool& kept() noexcept { return kept_; }

 private:
  spool kept_;
};

} // namespace

wire::wire(openai_options options) : options_(std::move(options)), errors_(secrets_of(options_)) {
  while (options_.base_url.ends_with('/')) options_.base_url.pop_back();
}

bool wire::needs_key() const {
  for (const auto& [name, value] : options_.headers)
    if (http::equals_ignoring_case(name, "Authorization")) return false;
  return host_of(options_.base_url) == "api.openai.com";
}

std::string wire::missing() const {
  if (!options_.api_key.empty() || !needs_key()) return "";
  return "OPENAI_API_KEY is not set: set it to a key of your account, or OPENAI_BASE_URL to a server that needs none";
}

task<http::client*> wire::web() {
  if (!web_) co_await http::load_client();
  if (!web_) {
    http::client_options how;
    how.user_agent = "weir/" WEIR_VERSION;
    web_.emplace(std::move(how));
  }
  co_return &*web_;
}

http::client_request wire::plain(const std::string& method, const std::string& path) const {
  if (std::string why = missing(); !why.empty()) throw error(errc::not_configured, why);
  http::client_request request;
  request.method = method;
  request.url = options_.base_url + path;
  request.headers.set("Accept", "application/json");
  if (!options_.api_key.empty()) request.headers.set("Authorization", "Bearer " + options_.api_key);
  if (!options_.organization.empty()) request.headers.set("OpenAI-Organization", options_.organization);
  if (!options_.project.empty()) request.headers.set("OpenAI-Project", options_.project);
  for (const auto& [name, value] : options_.headers) request.headers.set(name, value);
  return request;
}

http::client_request wire::get(const std::string& path) const {
  http::client_request request = plain("GET", path);
  request.timeouts = http::timeouts{.connect = 10s, .idle = 60s, .total = 600s};
  return request;
}

http::client_request wire::act(const std::string& method, const std::string& path) const {
  http::client_request request = plain(method, path);
  request.timeouts = http::timeouts{.connect = 10s, .idle = 60s, .total = 120s};
  return request;
}

http::client_request wire::buy(const std::string& path, http::body body, const std::string& idempotency_key,
                               std::chrono::seconds limit) const {
  http::client_request request = plain("POST", path);
  const auto sending = std::chrono::seconds(body.size_bytes() / slow_upload_bytes_per_second);
  if (body.content_type().empty()) request.headers.set("Content-Type", "application/json");
  request.body = std::move(body);
  if (!idempotency_key.empty()) request.headers.set("Idempotency-Key", idempotency_key);
  // A server that makes a picture is silent until it is done.
  request.timeouts = http::timeouts{.connect = 10s, .idle = 0s, .total = limit + sending};
  request.idempotent = false;
  request.retry = http::retry_policy{.max_attempts = 4, .repeat_only_after_429 = true};
  request.max_redirects = 0;
  return request;
}

task<http::client_response> wire::send(http::client_request request, purpose why) {
  if (!request.max_response_bytes) request.max_response_bytes = max_json_bytes;
  try {
    co_return co_await (co_await web())->send(std::move(request));
  } catch (const http::transport_error& failure) {
    errors_.broke(why, failure);
  } catch (const http::status_error& failure) {
    errors_.gave_up(why, failure);
  }
}

task<json_answer> wire::call(http::client_request request, purpose why) {
  const bool repeatable = !why.buys && http::is_repeatable(request.method, request.idempotent);
  for (int attempt = 1;; ++attempt) {
    http::client_response answer = co_await send(request, why);
    if (answer.status / 100 != 2) errors_.refused(why, answer.status, answer.headers, answer.body);
    std::string fault;
    try {
      if (answer.body.size() <= small_json_bytes) co_return json_answer{parsed(answer.body), std::move(answer.headers)};
      co_return json_answer{co_await run_in_threadpool(parsed, std::move(answer.body)), std::move(answer.headers)};
    } catch (const error& e) {
      fault = e.what();
    }
    if (!repeatable || attempt >= max_reads) errors_.unusable(why, fault);
    co_await sleep_for(pause_before(attempt));
  }
}

task<void> wire::call_without_answer(http::client_request request, purpose why) {
  const http::client_response answer = co_await send(std::move(request), why);
  if (answer.status / 100 != 2) errors_.refused(why, answer.status, answer.headers, answer.body);
}

task<picture_answer> wire::call_for_picture(http::client_request request, media::image_place place, byte_sink sink,
                                            purpose why) {
  picture_reader reader(place, std::move(sink));
  http::stream_options how;
  how.piece_bytes = piece_bytes;
  how.on_head = [&reader](const http::response_head& head) { reader.begin(head); };
  try {
    http::client& client = *co_await web();
    http::response_head head = co_await client.stream(
        std::move(request), [&reader](std::span<const std::byte> piece) { return reader.take(piece); }, std::move(how));
    if (!reader.succeeds()) errors_.refused(why, head.status, head.headers, reader.error_body());
    picture_answer answer = co_await reader.finish();
    answer.headers = std::move(head.headers);
    co_return answer;
  } catch (const http::transport_error& failure) {
    // An error status says more than that its text was cut short.
    if (reader.begun() && !reader.succeeds()) errors_.refused(why, reader.status(), {}, reader.error_body());
    errors_.broke(why, failure);
  } catch (const http::status_error& failure) {
    errors_.gave_up(why, failure);
  } catch (const error& failure) {
    if (reader.broken()) errors_.unusable(why, failure.what());
    if (reader.sink_failure() && why.buys) errors_.not_saved(why, failure.what());
    throw;
  }
}

task<picture_answer> wire::read_picture(http::client_request request, media::image_place place, byte_sink sink,
                                        purpose why) {
  continued_sink whole(std::move(sink));
  for (int attempt = 1;; ++attempt) {
    try {
      co_return co_await call_for_picture(request, place, whole.attempt(), why);
    } catch (const error& failure) {
      // Where nothing came at all the client has tried often enough.
      const bool broke_off = (failure.code() == errc::unavailable || failure.code() == errc::timeout) &&
                             whole.seen_bytes() > 0 && !whole.failed();
      if (!broke_off || attempt >= max_picture_reads) throw;
    }
    co_await sleep_for(pause_before(attempt));
  }
}

task<void> wire::explain(http::client_request request, purpose why) {
  struct it_works {};
  bool succeeds = false;
  std::string body;
  http::stream_options how;
  how.on_head = [&](const http::response_head& head) {
    succeeds = head.status / 100 == 2;
    if (succeeds) throw it_works{};
  };
  request.max_response_bytes = max_json_bytes;
  try {
    const auto collect = [&body](std::span<const std::byte> piece) -> task<void> {
      body.append(reinterpret_cast<const char*>(piece.data()), std::min(piece.size(), small_json_bytes - body.size()));
      co_return;
    };
    const http::response_head head = co_await (co_await web())->stream(std::move(request), collect, std::move(how));
    errors_.refused(why, head.status, head.headers, body);
  } catch (const it_works&) {
    co_return;
  } catch (const http::transport_error& failure) {
    errors_.broke(why, failure);
  } catch (const http::status_error& failure) {
    errors_.gave_up(why, failure);
  }
}

task<void> wire::fetch(std::string url, byte_sink sink, purpose why) {
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    errors_.unusable(why, "the picture's address is neither http nor https");
  spool_target target;
  std::string fault;
  try {
    http::client_request request{.url = std::move(url)};
    request.timeouts = http::timeouts{.connect = 10s, .idle = 60s, .total = 600s};
    const auto got =
        co_await http::download(*co_await web(), std::move(request), target, {.max_bytes = max_picture_bytes});
    if (got.bytes == 0) fault = "the picture at its address is empty";
  } catch (const error& failure) {
    fault = std::string("the picture could not be fetched from its address: ") + failure.what();
  }
  if (!fault.empty()) errors_.unusable(why, fault);
  try {
    co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()}, [&target, &sink] {
      target.kept().read([&sink](std::string_view bytes) { sink(std::as_bytes(std::span(bytes))); });
    });
  } catch (const error& failure) {
    if (!why.buys) throw;
    errors_.not_saved(why, failure.what());
  }
}

} // namespace weir::providers::openai

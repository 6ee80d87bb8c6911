#include "http/content_range.hpp"

#include <weir/core/sleep.hpp>
#include <weir/files/async.hpp>
#include <weir/http/download.hpp>
#include <weir/offload/threadpool.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <random>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t write_bytes = 64 * 1024;

class digest {
 public:
  digest() { reset(); }
  void reset() {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw error(errc::internal, "SHA-256 is not available");
  }
  void update(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), sum, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[sum[i] >> 4];
      text += "0123456789abcdef"[sum[i] & 15];
    }
    return text;
  }

 private:
  struct free_context {
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
  };
  std::unique_ptr<EVP_MD_CTX, free_context> context_{EVP_MD_CTX_new()};
};

/// Thrown out of the head check where the answer is of no use but another one may be.
struct try_again {
  std::optional<milliseconds> wait; // nothing: the policy's own
  bool from_start = false;
  std::exception_ptr otherwise; // what is thrown when there are no attempts left
};

class downloading {
 public:
  downloading(client& web, client_request request, download_target& target, download_options options)
      : web_(web), request_(std::move(request)), target_(target), options_(std::move(options)),
        policy_(request_.retry.value_or(web.options().retry)),
        threads_{.limiter = options_.limiter ? options_.limiter : &files::file_limiter()} {
    if (request_.method != "GET") throw error(errc::invalid_argument, "a download is a GET, not a " + request_.method);
    for (const char* ours : {"Range", "If-Range"})
      if (request_.headers.contains(ours))
        throw error(errc::invalid_argument, std::string("leave the header \"") + ours + "\" out of a download");
    request_.retry = retry_policy::never();
    request_.accept_compressed = false;
    if (!request_.headers.contains("Accept-Encoding")) request_.headers.set("Accept-Encoding", "identity");
    if (!target_.sha256()) digest_.emplace();
  }

  task<download_result> run() {
    must_reset_ = target_.bytes() != 0;
    for (int attempt = 1;; ++attempt) {
      std::optional<milliseconds> wait;
      std::exception_ptr failure;
      try {
        co_await once();
        result_.attempts = attempt;
        result_.bytes = offset_;
        result_.sha256 = digest_ ? digest_->hex() : target_.sha256().value_or("");
        co_return std::move(result_);
      } catch (const transport_error& e) {
        if (e.code() != errc::unavailable && e.code() != errc::timeout) throw;
        failure = std::current_exception();
      } catch (const try_again& again) {
        failure = again.otherwise;
        wait = again.wait;
        if (again.from_start) validator_.clear();
      }
      if (attempt >= options_.max_attempts) std::rethrow_exception(failure);
      if (validator_.empty() && offset_ != 0) must_reset_ = true;
      co_await sleep_for(wait.value_or(backoff(policy_, attempt, random_())));
    }
  }

 private:
  task<void> once() {
    client_request request = request_;
    const bool resuming = offset_ != 0 && !must_reset_;
    if (resuming) {
      request.headers.set("Range", "bytes=" + std::to_string(offset_) + "-");
      request.headers.set("If-Range", validator_);
    }
    stream_options how;
    how.piece_bytes = write_bytes;
    how.max_buffer_bytes = 2 * write_bytes;
    how.on_head = [this, resuming](const response_head& head) { check_head(head, resuming); };
    co_await web_.stream(
        std::move(request), [this](std::span<const std::byte> piece) { return store(piece); }, std::move(how));
    if (must_reset_) co_await start_over(); // an empty body: no write did it
    if (total_ && offset_ != *total_)
      throw transport_error(errc::unavailable,
                            "GET " + shown_url(request_.url) + ": the parts that the server sent are " +
                                std::to_string(offset_) + " bytes, not " + std::to_string(*total_),
                            true);
  }

  task<void> start_over() {
    co_await run_in_threadpool(threads_, [this] { target_.reset(); });
    if (digest_) digest_->reset();
    offset_ = 0;
    must_reset_ = false;
  }

  task<void> store(std::span<const std::byte> piece) {
    if (must_reset_) co_await start_over();
    check_size(offset_ + piece.size());
    co_await run_in_threadpool(threads_, [this, piece] {
      target_.write(piece);
      if (digest_) digest_->update(piece);
    });
    offset_ += piece.size();
    if (options_.on_progress) options_.on_progress(offset_, total_.value_or(0));
  }

  void check_size(std::uint64_t size) const {
    if (options_.max_bytes != 0 && size > options_.max_bytes)
      throw transport_error(errc::too_large,
                            "GET " + shown_url(request_.url) + ": the file has " +
                                (total_ ? std::to_string(*total_) : "at least " + std::to_string(size)) +
                                " bytes, more than the limit of " + std::to_string(options_.max_bytes),
                            true);
  }

  void check_head(const response_head& head, bool resuming) {
    const auto asked = retry_after(head.headers, std::chrono::system_clock::now());
    const auto refused = [&](const std::string& why) {
      return status_error(head.status, "GET " + shown_url(head.url) + ": " + why, asked);
    };
    if (head.status == 206 || (head.status == 416 && resuming)) {
      const auto range = parse_content_range(head.headers.get("Content-Range").value_or(""));
      const bool continues = resuming && head.status == 206 && range && range->first == offset_ &&
                             (!range->total || !total_ || *range->total == *total_) && same_validator(head);
      if (!continues)
        throw try_again{.wait = {},
                        .from_start = true,
                        .otherwise = std::make_exception_ptr(refused("answered with a part that does not fit"))};
      if (range->total) total_ = range->total;
    } else if (head.status / 100 == 2) {
      if (offset_ != 0) must_reset_ = true; // the server has another version, or knows no ranges
      total_ = head.content_length;
      validator_ = strong_validator(head.headers);
    } else {
      const auto failure = refused("answered " + std::to_string(head.status));
      const attempt_outcome outcome{.status = head.status, .refused = head.headers.get("x-should-retry") == "false"};
      if (!may_repeat({}, "GET", {}, outcome) || (asked && *asked > policy_.max_server_wait)) throw failure;
      throw try_again{.wait = asked, .otherwise = std::make_exception_ptr(failure)};
    }
    if (const auto coding = head.headers.get("Content-Encoding"); coding && !equals_ignoring_case(*coding, "identity"))
      throw error(errc::unsupported, "GET " + shown_url(head.url) +
                                         ": sent compressed though asked not to be; such a file cannot be checked");
    if (total_) check_size(*total_);
    result_.content_type = head.headers.get("Content-Type").value_or("");
    result_.url = head.url;
  }

  bool same_validator(const response_head& head) const {
    const auto tag = head.headers.get("ETag");
    return !tag || !validator_.starts_with('"') || *tag == validator_;
  }

  client& web_;
  client_request request_;
  download_target& target_;
  download_options options_;
  retry_policy policy_;
  thread_options threads_;
  std::optional<digest> digest_;
  std::minstd_rand random_{std::random_device{}()};

  std::uint64_t offset_ = 0;
  std::optional<std::uint64_t> total_;
  std::string validator_; // for If-Range; empty: the next attempt starts over
  bool must_reset_ = false;
  download_result result_;
};

} // namespace

task<download_result> download(client& web, client_request request, download_target& target, download_options options) {
  downloading work(web, std::move(request), target, std::move(options));
  co_return co_await work.run();
}

} // namespace weir::http

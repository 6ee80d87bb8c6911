#include "http/content_range.hpp"

#include <weir/core/sleep.hpp>
#include <weir/files/async.hpp>
#include <weir/http/download.hpp>
#include <weir/offload/threadpool.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <random>
#include <utility>

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

/// Thrown where an answer does not fit what is there already: the content must come again from its start.
struct start_again {
  std::exception_ptr otherwise; // what is thrown when there are no attempts left
};

/// Thrown out of the head check where the target has everything already.
struct complete {};

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
    if (options_.resume_from) {
      if (digest_ || options_.resume_from->offset != target_.bytes())
        throw error(errc::invalid_argument, "a download cannot go on with a target that has another length, or that "
                                            "does not know the SHA-256 of what it has");
    }
  }

  task<download_result> run() {
    must_reset_ = target_.bytes() != 0;
    if (options_.resume_from) take_up(*options_.resume_from);
    for (attempt_ = 1;; ++attempt_) {
      std::optional<milliseconds> wait;
      std::exception_ptr failure;
      bool from_start = false;
      try {
        co_await once();
        co_return co_await finish();
      } catch (const transport_error& e) {
        if (e.code() != errc::unavailable && e.code() != errc::timeout) throw;
        failure = std::current_exception();
      } catch (const status_error&) {
        if (!repeat_) throw;
        failure = std::current_exception();
        wait = asked_;
      } catch (const start_again& again) {
        failure = again.otherwise;
        from_start = true;
      }
      if (attempt_ >= options_.max_attempts) std::rethrow_exception(failure);
      if (from_start) validator_.clear();
      if (validator_.empty() && offset_ != 0) must_reset_ = true;
      co_await sleep_for(wait.value_or(backoff(policy_, attempt_, random_())));
    }
  }

 private:
  void take_up(const resume_point& point) {
    const bool other_length = options_.expected_bytes && point.total && *point.total != *options_.expected_bytes;
    if (point.offset == 0 || point.validator.empty() || point.validator.starts_with("W/") || other_length) return;
    offset_ = result_.resumed_from = point.offset;
    validator_ = point.validator;
    total_ = point.total;
    must_reset_ = false;
  }

  task<download_result> finish() {
    if (options_.expected_bytes && offset_ != *options_.expected_bytes) throw other_length(offset_);
    // Known now also where the server did not say it: so a later call sees that nothing is missing.
    if (!total_) co_await run_in_threadpool(threads_, [this] { target_.describe(validator_, offset_); });
    result_.attempts = attempt_;
    result_.bytes = offset_;
    result_.sha256 = digest_ ? digest_->hex() : target_.sha256().value_or("");
    co_return std::move(result_);
  }

  task<void> once() {
    client_request request = request_;
    const bool resuming = offset_ != 0 && !must_reset_;
    if (resuming) {
      request.headers.set("Range", "bytes=" + std::to_string(offset_) + "-");
      request.headers.set("If-Range", validator_);
    }
    repeat_ = false;
    must_describe_ = false;
    stream_options how;
    how.only_success = true;
    how.piece_bytes = write_bytes;
    how.max_buffer_bytes = 2 * write_bytes;
    how.on_head = [this, resuming](const response_head& head) { check_head(head, resuming); };
    try {
      co_await web_.stream(
          std::move(request), [this](std::span<const std::byte> piece) { return store(piece); }, std::move(how));
    } catch (const complete&) {
      co_return;
    }
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
    offset_ = result_.resumed_from = 0;
    must_reset_ = false;
  }

  task<void> store(std::span<const std::byte> piece) {
    if (must_reset_) co_await start_over();
    check_size(offset_ + piece.size());
    if (end_ && offset_ + piece.size() > *end_) throw misfit(206, "sent more than the part that it announced");
    co_await run_in_threadpool(threads_, [this, piece] {
      if (std::exchange(must_describe_, false)) target_.describe(validator_, total_);
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

  error other_length(std::uint64_t bytes) const {
    return error(errc::corrupt, "GET " + shown_url(request_.url) + ": the file has " + std::to_string(bytes) +
                                    " bytes and should have " + std::to_string(*options_.expected_bytes));
  }

  start_again misfit(int status, const std::string& why) const {
    return {std::make_exception_ptr(status_error(status, "GET " + shown_url(request_.url) + ": " + why))};
  }

  /// Whether the answer is the rest of what is there. Where nobody says how long the whole is, it may be less than
  /// that.
  bool continues(const response_head& head, const std::optional<content_range>& range) const {
    return range && range->first == offset_ && (range->total || total_) &&
           (!range->total || !total_ || *range->total == *total_) &&
           (!head.content_length || *head.content_length == range->last - range->first + 1) && same_validator(head);
  }

  /// A server that lost the range's own Content-Range on the way to its error page still means the whole.
  bool has_everything(const response_head& head) const {
    const auto length = parse_unsatisfied_range(head.headers.get("Content-Range").value_or(""));
    return total_ && offset_ == *total_ && (!length || *length == *total_) && same_validator(head);
  }

  void check_head(const response_head& head, bool resuming) {
    end_.reset();
    result_.url = head.url;
    if (head.status == 416 && resuming) {
      if (has_everything(head)) throw complete{};
      throw misfit(head.status, "knows no such part of the file");
    }
    if (head.status / 100 != 2) {
      asked_ = retry_after(head.headers, std::chrono::system_clock::now());
      const attempt_outcome outcome{.status = head.status, .refused = head.headers.get("x-should-retry") == "false"};
      repeat_ = may_repeat(policy_, "GET", {}, outcome) && (!asked_ || *asked_ <= policy_.max_server_wait);
      if (options_.on_head && (!repeat_ || attempt_ >= options_.max_attempts)) options_.on_head(head);
      return; // the stream throws it, with the body
    }
    if (head.status == 206) {
      const auto range = parse_content_range(head.headers.get("Content-Range").value_or(""));
      if (!resuming || !continues(head, range)) throw misfit(head.status, "answered with a part that does not fit");
      end_ = range->last + 1;
      if (range->total) total_ = range->total;
    } else {
      if (offset_ != 0) must_reset_ = true; // the server has another version, or knows no ranges
      total_ = head.content_length;
      validator_ = strong_validator(head.headers);
    }
    must_describe_ = true;
    if (const auto coding = head.headers.get("Content-Encoding"); coding && !equals_ignoring_case(*coding, "identity"))
      throw error(errc::unsupported, "GET " + shown_url(head.url) +
                                         ": sent compressed though asked not to be; such a file cannot be checked");
    if (options_.expected_bytes && total_ && *total_ != *options_.expected_bytes) throw other_length(*total_);
    if (total_) check_size(*total_);
    result_.content_type = head.headers.get("Content-Type").value_or("");
    if (options_.on_head) options_.on_head(head);
  }

  bool same_validator(const response_head& head) const {
    const auto tag = head.headers.get("ETag");
    if (validator_.starts_with('"')) return !tag || *tag == validator_;
    const auto modified = head.headers.get("Last-Modified");
    return !modified || *modified == validator_;
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
  std::string validator_;            // for If-Range; empty: the next attempt starts over
  std::optional<std::uint64_t> end_; // of the part that is being answered with
  bool must_reset_ = false;
  bool must_describe_ = false;
  int attempt_ = 1;
  bool repeat_ = false;               // what an answer with an error status calls for
  std::optional<milliseconds> asked_; // by it
  download_result result_;
};

} // namespace

task<download_result> download(client& web, client_request request, download_target& target, download_options options) {
  downloading work(web, std::move(request), target, std::move(options));
  co_return co_await work.run();
}

} // namespace weir::http

#pragma once

#include "http/multi.hpp"
#include "http/upload.hpp"

#include <weir/core/detail/list.hpp>
#include <weir/http/client.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace weir::http::detail {

/// What one exchange needs to know: one request to one server, without redirects.
struct hop {
  const std::string& method;
  const std::string& url; // may hold user and password
  const headers& fields;
  const http::body& body;
  http::timeouts timeouts;
  const std::string& user_agent;
  std::uint64_t max_body_bytes = 0; // after decompression; 0: no limit
  bool secure = true;               // https
  bool repeatable = false;
  bool accept_compressed = false;
  bool collect = true; // the body into one string; else pieces
  const std::function<void(std::uint64_t, std::uint64_t)>* on_progress = nullptr; // of the request's body
  std::size_t max_buffer_bytes = 0;                                               // of pieces
  std::size_t piece_bytes = 1;
};

/// One libcurl easy handle on its way: the request, and the answer as it comes in.
/// It is removed from the multi when it dies, which is how a cancelled wait ends it.
class transfer : public weir::detail::list_hook<in_multi> {
 public:
  transfer(std::shared_ptr<multi> engine, origin& at, const hop& work);
  ~transfer();
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  void start();

  // Waits. Each returns when it is so, or when the transfer has ended.
  task<void> head_received();
  task<void> piece_ready();
  task<void> ended();

  bool done() const noexcept { return done_; }
  bool head_complete() const noexcept { return head_complete_; }
  response_head& head() noexcept { return head_; }
  const std::string& method() const noexcept { return work_.method; }
  std::string& collected() noexcept { return collected_; }
  std::size_t buffered_bytes() const noexcept { return buffer_.size(); }
  /// Gives the bytes that have come in for the (empty) `spare`, and lets the connection go on.
  void take(std::vector<std::byte>& spare);

  /// Fails: throws what went wrong, where something did. Only after the end.
  void rethrow_failure() const;
  bool request_sent() const noexcept { return request_sent_; }

  /// Reads the files of the body ahead, on pool threads; ends with the transfer's task group.
  task<void> feed();
  bool needs_feeding() const noexcept { return upload_.reads_files(); }

  // For the multi.
  CURL* easy() const noexcept { return easy_; }
  void note_socket(curl_socket_t fd) noexcept { socket_ = fd; }
  void finished(CURLcode code) noexcept;
  /// When a time limit will have been passed, if nothing happens until then.
  clock::time_point next_deadline() const noexcept;
  void expire(clock::time_point now) noexcept;

 private:
  struct callbacks;

  easy_kind kind() const;
  template <class Value>
  void set(CURLoption option, Value value);
  void set_options();
  void set_kind();
  void set_body();
  void set_headers();
  void head_line(std::string_view line);
  void end_of_head();
  std::size_t body_bytes(std::span<const std::byte> piece);
  void apply_pauses() noexcept;
  void end_lookup(std::chrono::seconds good_for) noexcept;
  /// Tells the caller how much of the body has left, where that is news. Not inside of libcurl.
  void report_upload();
  std::uint64_t uploaded_bytes() const noexcept;
  /// Whether the answer is here to its last byte, as far as its head says how long it is.
  bool answer_is_complete() const noexcept;
  /// Takes the answer from what libcurl left unread when its sending failed. Returns whether it is there in full.
  bool take_last_words() noexcept;
  void count_bytes() noexcept;
  void fail(std::exception_ptr why) noexcept;
  void leave_multi() noexcept;
  /// Whether the kernel has sent a part of a large body since it was asked last: the whole of it may be in the kernel's
  /// hands long before it has left.
  bool still_leaving() noexcept;
  std::exception_ptr failure(CURLcode code) const;
  std::exception_ptr upload_failure() const noexcept;
  std::exception_ptr problem(errc code, const std::string& text) const;

  std::shared_ptr<multi> engine_;
  origin& origin_;
  const hop& work_;
  CURL* easy_ = nullptr;
  bool kind_is_set_ = false;
  /// Sets no options but its kind's and those that every transfer sets.
  bool is_plain_ = false;
  curl_slist* lines_ = nullptr;
  bool in_multi_ = false;
  upload upload_;
  char error_text_[CURL_ERROR_SIZE] = {};

  event changed_;
  bool head_complete_ = false;
  bool done_ = false;
  bool request_sent_ = false;
  int requests_made_ = 0;
  bool receiving_paused_ = false;
  bool sending_paused_ = false;
  bool body_in_head_ = false; // so small that libcurl sends it with the head
  bool looks_up_ = false;     // goes ahead of the others with the look-up of the name
  std::exception_ptr failure_;

  response_head head_;
  std::size_t head_bytes_ = 0;
  std::uint64_t body_bytes_ = 0; // after decompression
  std::string collected_;
  std::vector<std::byte> buffer_;

  clock::time_point started_{};
  clock::time_point last_activity_{};
  curl_socket_t socket_ = CURL_SOCKET_BAD; // that libcurl last spoke of; CURLINFO_ACTIVESOCKET is empty until the end
  int queued_bytes_ = -1;
  std::uint64_t reported_bytes_ = 0;
  std::uint64_t late_bytes_ = 0; // of an answer that libcurl did not read
  std::optional<timer> report_timer_;
};

} // namespace weir::http::detail

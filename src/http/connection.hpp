#pragma once

#include "http/request_parser.hpp"
#include "http/response_head.hpp"
#include "http/server_core.hpp"
#include "http/stream.hpp"

#include <weir/core/detail/list.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/message.hpp>

#include <array>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace weir::http::detail {

/// One client: reads a request, lets its handler answer, reads the next. Requests behind the one that is being
/// answered stay in the operating system's buffer, so a client cannot queue more than that.
class connection final : public stream, public weir::detail::list_hook<in_server> {
 public:
  /// A `surplus` connection is only told that the server is full.
  connection(server_core& core, unique_fd socket, std::string peer, bool surplus);
  ~connection();

  /// Runs up to the end of the connection. Lets out only `cancelled`.
  task<void> run();

  /// The task that runs `run`.
  void set_handle(task_handle handle) noexcept { handle_ = std::move(handle); }
  /// Ends the connection if it is between two requests.
  void drain() noexcept { wake(); }

  // What the responder offers.
  task<void> send(response answer);
  task<void> begin(int status, headers fields);
  task<void> write(std::string_view piece);
  task<void> finish();
  void cancel_on_disconnect(bool on);
  bool has_begun() const noexcept { return stage_ != stage::unanswered; }
  std::stop_token draining() const noexcept { return core_.draining.get_token(); }

 private:
  enum class stage { unanswered, streaming, answered };
  using pieces = std::array<std::string_view, 3>;

  void on_hang_up() noexcept override;

  task<void> serve_requests();
  task<bool> read_request();
  task<void> answer_request();
  task<void> answer_plainly(int status, std::string allow = {});
  task<void> refuse(int status);
  task<void> linger();
  void feed(std::string_view bytes);
  void feed_pending();
  bool has_started() const noexcept;
  void report(const std::exception_ptr& failure) noexcept;

  void begin_answer(int status, const headers& fields);
  head_options options_for_head(framing body, std::uint64_t length) const noexcept;
  task<void> send_all(pieces what);
  task<void> flush(pieces left);
  [[noreturn]] void throw_gone();

  server_core& core_;
  task_handle handle_;
  std::string peer_;
  bool surplus_;

  request_parser parser_;
  request request_;
  std::string pending_; ///< bytes that were read and not consumed
  std::size_t pending_begin_ = 0;

  stage stage_ = stage::unanswered;
  framing framing_ = framing::none;
  std::uint64_t left_to_send_ = 0;
  bool is_head_ = false;
  bool is_http_1_0_ = false;
  bool close_after_ = false;
  bool must_linger_ = false;
  bool handling_ = false;
  bool cancel_on_disconnect_ = false;
  bool writing_ = false; ///< a wait inside a message; left true where it was cut off
  bool write_failed_ = false;
};

} // namespace weir::http::detail

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/mcp/stdio.hpp>

#include <fcntl.h>
#include <mcp/engine.hpp>
#include <mcp/line_splitter.hpp>
#include <mcp/outbox.hpp>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <unordered_map>
#include <utility>

namespace weir::mcp {

namespace {

using namespace detail;

/// Keeps descriptors 0 and 1 for the protocol.
class private_standard_streams {
 public:
  private_standard_streams(int in, int out) : in_(in), out_(out) {
    if (out != 1) return;
    out_copy_.reset(::fcntl(1, F_DUPFD_CLOEXEC, 3));
    if (!out_copy_) throw errno_error(errno, "standard output");
    unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (::dup2(2, 1) < 0 && nothing) ::dup2(nothing.get(), 1);
    out_ = out_copy_.get();
    if (in != 0) return;
    in_copy_.reset(::fcntl(0, F_DUPFD_CLOEXEC, 3));
    if (!in_copy_) return;
    if (nothing) ::dup2(nothing.get(), 0);
    in_ = in_copy_.get();
  }
  ~private_standard_streams() {
    if (out_copy_) ::dup2(out_copy_.get(), 1);
    if (in_copy_) ::dup2(in_copy_.get(), 0);
  }
  private_standard_streams(const private_standard_streams&) = delete;
  private_standard_streams& operator=(const private_standard_streams&) = delete;

  int in() const noexcept { return in_; }
  int out() const noexcept { return out_; }

 private:
  int in_;
  int out_;
  unique_fd in_copy_;
  unique_fd out_copy_;
};

/// The responses of a batch, which leave together.
struct batch {
  std::vector<std::string> bodies;
  std::size_t open = 1; ///< the reader itself counts until the whole batch was started
};

class conversation {
 public:
  conversation(server& to, const private_standard_streams& streams, const stdio_options& options)
      : options_(options), engine_(to.engine()), in_(streams.in(), stream_fd::direction::in),
        out_(streams.out(), options.max_unwritten_bytes, [this] { hang_up(); }),
        session_(to, [this](std::string text) { out_.push(std::move(text), false); }) {}

  task<void> run() {
    try {
      co_await with_task_group([this](task_group& group) -> task<void> {
        group_ = &group;
        group.spawn(out_.write_all());
        co_await read_all();
        co_await finish_requests();
        group.cancel();
      });
    } catch (const cancelled&) {
      group_ = nullptr;
      out_.write_now();
      throw;
    }
    group_ = nullptr;
    if (!out_.is_broken()) co_await out_.drain(options_.grace);
  }

 private:
  void hang_up() {
    if (group_) group_->cancel();
  }

  task<void> read_all() {
    constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
    auto chunk = std::make_unique<char[]>(chunk_bytes);
    line_splitter lines(options_.max_line_bytes,
                        {[this](std::string_view line) { take(line); }, [this] { refuse_long_line(); }});
    for (;;) {
      if (out_.is_full()) co_await out_.room();
      ssize_t got = in_.read(chunk.get(), chunk_bytes);
      if (got == 0) break;
      if (got > 0) {
        lines.feed(std::string_view(chunk.get(), static_cast<std::size_t>(got)));
        co_await yield_now(); // work that was started gets its turn
        continue;
      }
      if (errno != EAGAIN && errno != EWOULDBLOCK) break; // as good as the end (EIO of a closed terminal)
      co_await in_.ready();
    }
    lines.end();
  }

  void refuse_long_line() {
    out_.push(error_response("null", error_code::invalid_request,
                             "Invalid request: the line is longer than " + std::to_string(options_.max_line_bytes) +
                                 " bytes; pass big data as a file name or URL"));
  }

  void take(std::string_view line) {
    incoming in = read_message(line);
    if (in.is_batch && session_.negotiated() != version::v2025_03_26) {
      out_.push(engine::refuse(engine::refused_batch()).body);
      return;
    }
    std::shared_ptr<batch> together = in.is_batch ? std::make_shared<batch>() : nullptr;
    for (message& m : in.messages) take(m, together);
    if (together) finish_batch(together);
  }

  void take(message& m, const std::shared_ptr<batch>& together) {
    switch (m.kind) {
    case message_kind::response:
      return engine_.deliver(m);
    case message_kind::invalid:
      return give(engine::refuse(m).body, together);
    case message_kind::notification:
      if (m.method == "notifications/cancelled") cancel(m);
      return;
    case message_kind::request:
      break;
    }
    if (together && m.method == "initialize")
      return give(error_response(m.id, error_code::invalid_request, "Invalid request: initialize in a batch"),
                  together);
    if (running_.contains(m.id))
      return give(
          error_response(m.id, error_code::invalid_request, "Invalid request: a request with this id is still running"),
          together);
    opened state;
    if (auto now = engine_.answer_now(m, session_.peer(), false, state)) return give(std::move(now->body), together);
    if (running_.size() >= options_.max_in_flight)
      return give(error_response(m.id, error_code::internal,
                                 "Too many requests are running (" + std::to_string(options_.max_in_flight) +
                                     "); wait for some to finish"),
                  together);

    std::string id = m.id;
    running_.try_emplace(id);
    if (together) ++together->open;
    task_handle handle = group_->spawn(serve(std::move(m), state, together));
    if (auto entry = running_.find(id); entry != running_.end()) entry->second = handle;
  }

  task<void> serve(message m, opened state, std::shared_ptr<batch> together) {
    struct ending {
      conversation& self;
      std::string id;
      std::shared_ptr<batch> together;
      ~ending() {
        self.running_.erase(id);
        if (self.running_.empty()) self.idle_.set();
        if (together) self.finish_batch(together);
      }
    } at_end{*this, m.id, together};

    std::string id = m.id;
    bool listens = m.method == "subscriptions/listen";
    sink out = [this](std::string text, bool needed) { out_.push(std::move(text), needed); };
    reply done = co_await engine_.answer(std::move(m), state, session_.peer(), std::move(out));
    if (out_.is_full()) co_await out_.room();
    give(std::move(done.body), together);
    // Two pages of the specification disagree on how a server ends a subscription; both forms are sent.
    if (listens && engine_.closing.is_set())
      out_.push(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}");
  }

  void give(std::string body, const std::shared_ptr<batch>& together) {
    if (together)
      together->bodies.push_back(std::move(body));
    else
      out_.push(std::move(body));
  }

  void finish_batch(const std::shared_ptr<batch>& together) {
    if (--together->open > 0 || together->bodies.empty()) return;
    std::string joined = "[";
    for (std::string& body : together->bodies) joined += (joined.size() > 1 ? "," : "") + body;
    out_.push(joined + "]");
  }

  /// Unknown, finished and malformed ones are ignored, as the protocol asks.
  void cancel(const message& m) {
    const json::value* id = json::find(m.params, "requestId");
    if (!id) return;
    auto entry = running_.find(id_text(*id));
    if (entry != running_.end()) entry->second.cancel();
  }

  task<void> finish_requests() {
    if (running_.empty()) co_return;
    idle_.reset();
    try {
      co_await with_timeout(options_.grace, wait_until_idle());
    } catch (const error&) {
      // The rest is cancelled with the group.
    }
  }
  task<void> wait_until_idle() { co_await idle_.wait(); }

  stdio_options options_;
  engine& engine_;
  stream_fd in_;
  outbox out_;
  session session_;
  task_group* group_ = nullptr;
  std::unordered_map<std::string, task_handle> running_;
  event idle_;
};

} // namespace

task<void> serve_stdio(server& to, int in, int out, stdio_options options) {
  std::signal(SIGPIPE, SIG_IGN);
  private_standard_streams streams(in, out);
  conversation talk(to, streams, options);
  co_await talk.run();
}

} // namespace weir::mcp

#include "kitsu/impl.hpp"
#include "kitsu/rows.hpp"

#include <weir/core/sleep.hpp>

#include <random>

namespace weir::kitsu {
namespace {

using shared = std::shared_ptr<client::impl>;
using shot_sink = std::function<task<void>(json::object)>;

constexpr std::size_t max_row_bytes = 16 * 1024 * 1024;

client::impl::order the_order(std::string_view project) {
  query parameters{{"compact", true}, {"stream", true}};
  if (!project.empty()) parameters.set("project_id", project);
  return {.where = "data/shots/with-tasks",
          .parameters = std::move(parameters),
          .accept = "application/x-ndjson, application/json"};
}

/// One request for the list, and what has come of it.
class listing {
 public:
  /// `turn` is given back before the first shot is handed over: what is done with it may take turns of its own.
  listing(client::impl& self, const client::impl::order& what, const shot_sink& on_shot, permit turn)
      : self_(self), what_(what), on_shot_(on_shot), turn_(std::move(turn)) {}

  /// Returns: nothing when every shot has been handed over; else the refusal.
  /// Fails: request_error where the connection broke; with what on_shot threw.
  task<std::optional<failed_call>> run() {
    http::client_request ask = self_.request(what_);
    ask.retry = http::retry_policy::never();
    http::stream_options how;
    how.on_head = [this](const http::response_head& head) {
      status_ = head.status;
      self_.answered = true;
      content_type_ = head.headers.get("Content-Type").value_or("");
    };
    try {
      co_await self_.web.stream(
          std::move(ask), [this](std::span<const std::byte> piece) { return take(piece); }, std::move(how));
    } catch (const http::transport_error& problem) {
      throw request_error(classify(problem, what_.method, what_.where.text()));
    }
    if (status_ / 100 != 2) {
      co_return classify(refusal{.method = what_.method,
                                 .path = what_.where.text(),
                                 .status = status_,
                                 .content_type = content_type_,
                                 .location = {},
                                 .body = whole_});
    }
    if (is_lines()) {
      if (const auto rest = lines_.rest(); rest.find_first_not_of(" \r\n") != rest.npos) co_await hand_over(rest);
    } else {
      co_await hand_over_all();
    }
    co_return std::nullopt;
  }

  bool begun() const noexcept { return begun_; }

 private:
  bool is_lines() const { return content_type_.find("ndjson") != std::string::npos; }

  task<void> take(std::span<const std::byte> piece) {
    const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
    if (status_ / 100 != 2) {
      whole_.append(text.substr(0, kept_body_bytes - std::min(kept_body_bytes, whole_.size())));
      co_return;
    }
    if (!is_lines()) {
      if (whole_.size() + text.size() > self_.options.max_response_bytes)
        throw error(errc::too_large, "GET " + what_.where.text() + ": the answer has more than max_response_bytes (" +
                                         std::to_string(self_.options.max_response_bytes) + ")");
      whole_.append(text);
      co_return;
    }
    lines_.add(text);
    while (const auto line = lines_.next()) co_await hand_over(*line);
  }

  task<void> hand_over(std::string_view line) {
    std::optional<json::object> shot;
    try {
      shot = rows_.read(line);
    } catch (const error& problem) {
      throw not_kitsu({.method = what_.method,
                       .path = what_.where.text(),
                       .status = status_,
                       .content_type = content_type_,
                       .location = {},
                       .body = std::string(line.substr(0, kept_body_bytes))},
                      problem.what());
    }
    if (!shot) co_return;
    begin();
    co_await on_shot_(std::move(*shot));
  }

  /// The answer of servers that do not stream: an array of shots, or an object with columns and rows.
  task<void> hand_over_all() {
    http::client_response answer;
    answer.status = status_;
    answer.headers.set("Content-Type", content_type_);
    answer.body = std::move(whole_);
    json::value all = co_await self_.parsed(what_, std::move(answer));
    if (json::object* o = all.if_object()) {
      rows_.set_columns(*o);
      json::value* list = o->if_contains("rows");
      if (!list) throw error(errc::remote, "GET " + what_.where.text() + ": the answer holds no rows");
      json::value taken = std::move(*list);
      all = std::move(taken);
    }
    if (!all.is_array()) throw error(errc::remote, "GET " + what_.where.text() + ": the answer is no list of shots");
    for (json::value& each : all.get_array()) {
      begin();
      co_await on_shot_(rows_.row(std::move(each)));
    }
  }

  void begin() noexcept {
    begun_ = true;
    turn_.release();
  }

  client::impl& self_;
  const client::impl::order& what_;
  const shot_sink& on_shot_;
  permit turn_;
  int status_ = 0;
  std::string content_type_;
  line_reader lines_{max_row_bytes};
  compact_rows rows_;
  std::string whole_; // of an answer that does not come in lines
  bool begun_ = false;
};

bool is_worth_another(const failed_call& call) {
  return call.why == failure::gateway || call.why == failure::rate_limited || call.why == failure::unreachable ||
         call.why == failure::broken_off || call.why == failure::timeout;
}

task<void> stream_shots(shared self, client::impl::order what, shot_sink on_shot) {
  ++self->calls_made;
  std::minstd_rand random(std::random_device{}());
  bool renewed = false;
  for (int attempt = 1;;) {
    unsigned used = 0;
    failed_call problem;
    {
      permit turn = co_await self->limit_of(what).acquire();
      co_await self->wait_for_renewal();
      used = self->generation;
      listing list(*self, what, on_shot, std::move(turn));
      try {
        auto refused = co_await list.run();
        if (!refused) co_return;
        problem = std::move(*refused);
      } catch (const request_error& broken) {
        if (list.begun() || !is_worth_another(broken.call())) throw;
        problem = broken.call();
      }
    }
    problem.attempts = attempt;
    if (problem.why == failure::not_authenticated && !renewed && co_await self->renew(used)) {
      renewed = true;
      continue;
    }
    if (!is_worth_another(problem) || attempt >= self->options.retry.max_attempts)
      throw request_error(std::move(problem));
    co_await sleep_for(http::backoff(self->options.retry, attempt++, static_cast<std::uint32_t>(random())));
  }
}

task<json::array> collect_shots(shared self, client::impl::order what) {
  json::array all;
  co_await stream_shots(std::move(self), std::move(what), [&all](json::object shot) -> task<void> {
    all.push_back(std::move(shot));
    co_return;
  });
  co_return all;
}

} // namespace

task<void> client::shots_with_tasks(std::string_view project_id, shot_sink on_shot) {
  return stream_shots(impl_, the_order(project_id), std::move(on_shot));
}

task<json::array> client::shots_with_tasks(std::string_view project_id) {
  return collect_shots(impl_, the_order(project_id));
}

} // namespace weir::kitsu

#include "kitsu/impl.hpp"

#include <weir/http/resumable_download.hpp>

namespace weir::kitsu {
namespace {

bool is_page_name(std::string_view name) {
  for (const std::string_view ending : {".html", ".htm"})
    if (name.size() >= ending.size() && http::equals_ignoring_case(name.substr(name.size() - ending.size()), ending))
      return true;
  return false;
}

/// Where the bytes come from, whatever token or parameters the request has.
std::string identity_of(const client::impl& self, const path& where) { return self.host + "/" + where.text(); }

class fetching {
 public:
  fetching(std::shared_ptr<client::impl> self, path where, files::root to, std::string name, download_options options)
      : self_(std::move(self)), to_(std::move(to)), name_(std::move(name)), options_(std::move(options)),
        what_{.where = std::move(where),
              .parameters = std::move(options_.parameters),
              .accept = "*/*",
              .transfer = true} {}

  task<download_outcome> run() {
    ++self_->calls_made;
    for (bool renewed = false;;) {
      unsigned used = 0;
      failed_call refused;
      {
        const permit mine = co_await self_->transfers.acquire();
        co_await self_->wait_for_renewal();
        used = self_->generation;
        try {
          co_return outcome(co_await once());
        } catch (const http::status_error& answer) {
          refused = classify(refusal{.method = what_.method,
                                     .path = what_.where.text(),
                                     .status = answer.status(),
                                     .content_type = content_type_,
                                     .location = location_,
                                     .body = answer.body()});
        } catch (const http::transport_error& problem) {
          throw request_error(classify(problem, what_.method, what_.where.text()));
        }
      }
      if (refused.why != failure::not_authenticated || renewed || !co_await self_->renew(used))
        throw request_error(std::move(refused));
      renewed = true;
    }
  }

 private:
  task<http::file_download> once() {
    http::download_options how;
    how.max_bytes = options_.max_bytes;
    how.max_attempts = self_->options.retry.max_attempts;
    how.expected_bytes = options_.expected_bytes;
    how.on_progress = options_.on_progress;
    how.on_head = [this](const http::response_head& head) { look_at(head); };
    http::client_request ask = self_->request(what_);
    if (options_.keep_partial)
      return http::download_resumable(self_->web, std::move(ask), to_, name_, options_.publish, std::move(how),
                                      identity_of(*self_, what_.where));
    return http::download_file(self_->web, std::move(ask), to_, name_, options_.publish, std::move(how));
  }

  /// A page is what a proxy answers in the place of the server.
  void look_at(const http::response_head& head) {
    self_->answered = true;
    content_type_ = head.headers.get("Content-Type").value_or("");
    location_ = head.headers.get("Location").value_or("");
    if (head.status / 100 != 2 || !is_page(content_type_, {}) || is_page_name(name_)) return;
    throw not_kitsu({.method = what_.method,
                     .path = what_.where.text(),
                     .status = head.status,
                     .content_type = content_type_,
                     .location = {},
                     .body = {}},
                    "a page came instead of a file");
  }

  static download_outcome outcome(http::file_download got) {
    return {.file = std::move(got.file),
            .content_type = std::move(got.download.content_type),
            .resumed_from = got.download.resumed_from,
            .attempts = got.download.attempts};
  }

  std::shared_ptr<client::impl> self_;
  files::root to_;
  std::string name_;
  download_options options_;
  client::impl::order what_;
  std::string content_type_, location_;
};

task<download_outcome> fetch(std::unique_ptr<fetching> work) { co_return co_await work->run(); }

} // namespace

task<download_outcome> client::download(path where, files::root to, std::string name, download_options options) {
  return fetch(std::make_unique<fetching>(impl_, std::move(where), std::move(to), std::move(name), std::move(options)));
}

} // namespace weir::kitsu

#include "kitsu/impl.hpp"

namespace weir::kitsu {

task<void> client::impl::wait_for_renewal() {
  // Those who have new tokens already go on: on_not_authenticated, after it has logged in, is one of them.
  for (auto underway = renewing_; underway && underway->of == generation; underway = renewing_)
    co_await underway->ended.wait();
}

task<bool> client::impl::renew(unsigned used) {
  const auto alive = shared_from_this();
  while (generation == used) {
    if (cannot_be_renewed == used) co_return false;
    if (const auto underway = renewing_) {
      if (underway->of != used) co_return false; // within on_not_authenticated, whose new tokens are refused
      co_await underway->ended.wait();
      if (underway->failure) std::rethrow_exception(underway->failure);
      continue; // it came out, or whoever did it was cancelled: then somebody else does
    }
    co_await renew_now(used);
  }
  co_return true;
}

task<void> client::impl::renew_now(unsigned used) {
  const auto mine = std::make_shared<renewal>();
  mine->of = used;
  renewing_ = mine;
  struct end {
    impl& owner;
    renewal& of;
    ~end() {
      owner.renewing_.reset();
      of.ended.set();
    }
  } const at_end{*this, *mine};
  try {
    if (co_await refresh()) co_return;
    if (options.on_not_authenticated) {
      client self(shared_from_this());
      if (co_await options.on_not_authenticated(self)) {
        if (generation == used) accept_tokens(now); // new rights for the same token
        co_return;
      }
    }
    if (generation == used) cannot_be_renewed = used;
  } catch (const std::exception&) {
    mine->failure = std::current_exception();
    throw;
  }
}

task<bool> client::impl::refresh() {
  if (now.refresh.empty()) co_return false;
  ++refreshes;
  const unsigned used = generation;
  const order ask{.where = "auth/refresh-token", .authorized = false, .bearer = now.refresh};
  const http::client_response answer = co_await attempt(ask);
  if (generation != used) co_return true; // somebody has given us others meanwhile
  if (answer.status / 100 != 2) {
    failed_call refused = classify(ask, answer);
    if (refused.why == failure::not_authenticated || refused.why == failure::not_allowed ||
        refused.why == failure::invalid)
      co_return false;
    throw request_error(std::move(refused));
  }
  const auto said = json_of(answer.body);
  const json::object* fields = said ? said->if_object() : nullptr;
  std::string access = fields ? json::string_or(*fields, "access_token") : "";
  if (access.empty())
    throw not_kitsu({.method = ask.method,
                     .path = ask.where.text(),
                     .status = answer.status,
                     .content_type = {},
                     .location = {},
                     .body = {}},
                    "the answer holds no access_token");
  // The refresh token stays valid; servers that give a new one replace it.
  const std::string next = json::string_or(*fields, "refresh_token", now.refresh);
  accept_tokens({std::move(access), next});
  co_return true;
}

} // namespace weir::kitsu

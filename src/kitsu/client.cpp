#include "kitsu/impl.hpp"

namespace weir::kitsu {
namespace {

using shared = std::shared_ptr<client::impl>;

task<json::value> call_on(shared self, client::impl::order what) {
  permit mine = co_await self->turn(what);
  co_return co_await self->call(what, std::move(mine));
}

task<std::string> text_from(shared self, client::impl::order what) {
  permit mine = co_await self->turn(what);
  http::client_response answer = co_await self->send(what, std::move(mine));
  co_return std::move(answer.body);
}

/// The order for a JSON body. Checked here, before anything is started.
client::impl::order with_body(const client::impl& self, const char* method, path where, const json::value& body,
                              query parameters) {
  if (self.options.check_values) check_values(where, body);
  std::string text = json::serialize(body);
  return {.method = method,
          .where = std::move(where),
          .parameters = std::move(parameters),
          .body = http::body(std::move(text)),
          .accept = "application/json"};
}

task<json::object> current_user(shared self) {
  const json::value answer = co_await self->call({.where = "auth/authenticated"});
  const json::object* fields = answer.if_object();
  const json::value* user = fields ? json::find(*fields, "user") : nullptr;
  if (!user || !user->is_object())
    throw not_kitsu(
        {.method = "GET", .path = "auth/authenticated", .status = 200, .content_type = {}, .location = {}, .body = {}},
        "the answer names no user");
  co_return user->get_object();
}

bool is_up(const json::value* said) {
  if (!said) return false;
  if (const bool* yes = said->if_bool()) return *yes;
  return json::as_integer(*said).value_or(0) != 0;
}

task<server_status> look_at(shared self) {
  server_status found;
  try {
    const http::client_response root = co_await self->attempt({.authorized = false});
    found.reachable = true;
    const auto said = json_of(root.body);
    const json::object* fields = said ? said->if_object() : nullptr;
    if (root.status == 200 && fields && json::find(*fields, "api") && json::find(*fields, "version")) {
      found.is_kitsu = true;
      found.version = json::string_or(*fields, "version");
    } else {
      found.problem = classify(client::impl::order{}, root).message;
      found.problem = "no Kitsu API answers at this address" + (found.problem.empty() ? "" : ": " + found.problem);
      co_return found;
    }
    const http::client_response parts = co_await self->attempt({.where = "status", .authorized = false});
    if (const auto state = json_of(parts.body); state && state->is_object()) {
      found.parts = state->get_object();
      found.database_up = is_up(json::find(found.parts, "database-up"));
    }
    if (!found.database_up) found.problem = "the server does not reach its database";
  } catch (const std::exception& problem) {
    found.problem = problem.what();
  }
  co_return found;
}

} // namespace

client::client(std::string_view host, client_options options) : client(host, tokens{}, std::move(options)) {}
client::client(std::string_view host, tokens from, client_options options)
    : impl_(std::make_shared<impl>(host, std::move(from), std::move(options))) {}
client::client(std::shared_ptr<impl> shared_with) noexcept : impl_(std::move(shared_with)) {}
client::~client() = default;
client::client(const client&) = default;
client::client(client&&) noexcept = default;
client& client::operator=(const client&) = default;
client& client::operator=(client&&) noexcept = default;

const tokens& client::current_tokens() const noexcept { return impl_->now; }
void client::use_tokens(tokens from) {
  impl_->logged_in = false;
  impl_->accept_tokens(std::move(from));
}
const std::string& client::host() const noexcept { return impl_->host; }
const client_options& client::options() const noexcept { return impl_->options; }

client_statistics client::statistics() const {
  const http::session_pool_stats wire = impl_->web.pool().stats();
  return {.calls = impl_->calls_made,
          .requests = wire.requests,
          .refreshes = impl_->refreshes,
          .bytes_sent = wire.bytes_sent,
          .bytes_received = wire.bytes_received,
          .in_flight = impl_->calls.in_use() + impl_->transfers.in_use(),
          .waiting = impl_->calls.waiting() + impl_->transfers.waiting()};
}

task<json::object> client::get_current_user() { return current_user(impl_); }
task<server_status> client::check_server_status() { return look_at(impl_); }

task<json::value> client::get(path where, query parameters) {
  return call_on(impl_, {.where = std::move(where), .parameters = std::move(parameters)});
}
task<json::value> client::get_named(path where, query parameters, const json::structure_info& only, json::entries of) {
  return call_on(impl_, {.where = std::move(where), .parameters = std::move(parameters), .only = &only, .only_of = of});
}
const json::array& client::list_in(const json::value& answer) {
  const json::array* list = answer.if_array();
  if (!list)
    throw error(errc::invalid_argument,
                "the answer is no list but " + std::string(json::type_name(answer)) + "; use get or fetch_all");
  return *list;
}
task<json::value> client::post(path where, json::value body, query parameters) {
  return call_on(impl_, with_body(*impl_, "POST", std::move(where), body, std::move(parameters)));
}
task<json::value> client::put(path where, json::value body, query parameters) {
  return call_on(impl_, with_body(*impl_, "PUT", std::move(where), body, std::move(parameters)));
}
task<json::value> client::del(path where, query parameters) {
  return call_on(impl_, {.method = "DELETE", .where = std::move(where), .parameters = std::move(parameters)});
}
task<std::string> client::get_text(path where, query parameters) {
  return text_from(impl_, {.where = std::move(where), .parameters = std::move(parameters), .accept = "*/*"});
}

} // namespace weir::kitsu

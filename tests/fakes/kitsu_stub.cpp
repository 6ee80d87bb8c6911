#include "fakes/kitsu_stub.hpp"

#include "fakes/fault_proxy/acceptor.hpp"
#include "fakes/fault_proxy/answering.hpp"

#include <strings.h>

#include <algorithm>
#include <set>
#include <thread>

namespace weir::fakes {

namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> parameters_of(std::string_view query) {
  std::map<std::string, std::string> all;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    all[decoded(one.substr(0, equals))] = decoded(one.substr(std::min(one.size(), equals + 1)));
  }
  return all;
}

std::optional<stub_request> request_of(const net::head& h) {
  stub_request r;
  r.method = h.method();
  const std::string target = h.target();
  if (!target.starts_with("/api")) return std::nullopt;
  const std::size_t question = std::min(target.find('?'), target.size());
  r.path = target.substr(4, question - 4);
  while (r.path.starts_with('/')) r.path.erase(0, 1);
  r.query = target.substr(std::min(target.size(), question + 1));
  r.parameters = parameters_of(r.query);
  const std::string text = h.text();
  for (std::size_t at = text.find("\r\n") + 2; at + 2 < text.size();) {
    const std::size_t end = text.find("\r\n", at), colon = text.find(':', at);
    const std::size_t value = text.find_first_not_of(' ', colon + 1);
    r.headers.emplace_back(text.substr(at, colon - at), text.substr(value, end - value));
    at = end + 2;
  }
  return r;
}

stub_answer json_answer(int status, std::string body) { return {.status = status, .body = std::move(body)}; }

/// The text of a member of a flat JSON object, without escapes.
std::string member(const std::string& json, const std::string& name) {
  const std::size_t at = json.find("\"" + name + "\":");
  if (at == std::string::npos) return {};
  const std::size_t open = json.find('"', at + name.size() + 3);
  const std::size_t close = json.find('"', open + 1);
  return open == std::string::npos || close == std::string::npos ? "" : json.substr(open + 1, close - open - 1);
}

} // namespace

std::string stub_request::header(std::string_view name) const {
  for (const auto& [n, v] : headers)
    if (n.size() == name.size() && ::strncasecmp(n.data(), name.data(), n.size()) == 0) return v;
  return {};
}

std::string stub_request::parameter(std::string_view name, std::string otherwise) const {
  const auto found = parameters.find(std::string(name));
  return found == parameters.end() ? otherwise : found->second;
}

struct kitsu_stub::state {
  struct route {
    stub_function how;
    bool open = false;
  };
  struct access_token {
    std::uint64_t calls = 0;
    bool expired = false, bot = false;
  };

  mutable std::mutex mutex;
  std::map<std::pair<std::string, std::string>, route> routes;
  std::map<std::string, access_token> access;
  std::set<std::string> refresh, revoked;
  std::map<std::string, stub_answer> refusals;
  std::uint64_t issued = 0, expire_after = 0, refreshes = 0, logins = 0, logouts = 0;
  milliseconds refresh_delay{0};
  std::vector<stub_request> seen;
  std::size_t in_flight = 0, max_in_flight = 0;
  // Last: its threads use the others.
  std::unique_ptr<net::acceptor> accepting;

  void serve(net::stream& client, int number);
  bool send(net::stream& client, const stub_answer& answer, bool head_only);
  stub_answer answer_to(const stub_request& r);
  /// Nothing: the token is good. The caller holds the mutex.
  std::optional<stub_answer> refusal_of(const stub_request& r);
  stub_tokens new_tokens();
  stub_answer log_in(const stub_request& r);
  stub_answer refresh_token(const stub_request& r);
  stub_answer log_out(const stub_request& r);
};

void kitsu_stub::state::serve(net::stream& client, int number) {
  for (;;) {
    const auto text = client.read_head();
    const auto head = text ? net::head::parse(*text) : std::nullopt;
    const auto shape = head ? net::body_of_request(*head) : std::nullopt;
    if (!shape) return;
    auto r = request_of(*head);
    if (r && r->header("Expect") == "100-continue") client.send("HTTP/1.1 100 Continue\r\n\r\n");
    net::body_reader body(client, *shape);
    const std::string content = body.read_all();
    if (!body.complete() && shape->how != net::framing::none) return;
    if (!r) {
      send(client, {.status = 404, .body = "<html>no</html>", .content_type = "text/html"}, false);
      continue;
    }
    r->body = content;
    r->connection = number;
    {
      const std::lock_guard lock(mutex);
      seen.push_back(*r);
      max_in_flight = std::max(max_in_flight, ++in_flight);
    }
    const stub_answer answer = answer_to(*r);
    {
      // Before the answer is out: what the client asks next is not beside this one.
      const std::lock_guard lock(mutex);
      --in_flight;
    }
    if (!send(client, answer, r->method == "HEAD")) return;
  }
}

bool kitsu_stub::state::send(net::stream& client, const stub_answer& answer, bool head_only) {
  if (answer.reset && !answer.more) {
    client.reset();
    return false;
  }
  net::head head = net::head_of({answer.status, answer.body, answer.content_type, answer.headers});
  if (answer.more) {
    head.remove("Content-Length");
    head.add("Transfer-Encoding", "chunked");
  }
  if (!client.send(head.text())) return false;
  if (head_only || answer.status == 204 || answer.status == 304) return true;
  if (!answer.more) return client.send(answer.body);
  for (std::string piece = answer.body.empty() ? answer.more() : answer.body; !piece.empty(); piece = answer.more()) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    if (!client.send(size + piece + "\r\n")) return false;
  }
  if (!answer.reset) return client.send("0\r\n\r\n");
  client.reset();
  return false;
}

stub_answer kitsu_stub::state::answer_to(const stub_request& r) {
  stub_function how;
  {
    const std::lock_guard lock(mutex);
    auto found = routes.find({r.method, r.path});
    if (found == routes.end()) found = routes.find({"", r.path});
    const bool known = found != routes.end();
    if (!known || !found->second.open)
      if (auto refused = refusal_of(r)) return std::move(*refused);
    if (!known)
      return json_answer(404, R"({"error": true, "message": "The requested URL was not found on the server."})");
    how = found->second.how;
  }
  return how(r);
}

std::optional<stub_answer> kitsu_stub::state::refusal_of(const stub_request& r) {
  const std::string authorization = r.header("Authorization");
  if (authorization.empty()) return json_answer(401, R"({"msg": "Missing Authorization Header"})");
  const std::string token = authorization.substr(std::min<std::size_t>(authorization.size(), 7));
  if (refresh.contains(token)) return json_answer(422, R"({"msg": "Only non-refresh tokens are allowed"})");
  const auto found = access.find(token);
  if (found == access.end()) return json_answer(422, R"({"msg": "Not enough segments"})");
  if (revoked.contains(token)) return json_answer(401, R"({"msg": "Token has been revoked"})");
  access_token& mine = found->second;
  if (mine.expired || (expire_after > 0 && mine.calls >= expire_after))
    return json_answer(401, R"({"error": true, "message": "Signature has expired"})");
  ++mine.calls;
  return std::nullopt;
}

stub_tokens kitsu_stub::state::new_tokens() {
  const std::string number = std::to_string(++issued);
  const stub_tokens made{"access-" + number, "refresh-" + number};
  access[made.access];
  refresh.insert(made.refresh);
  return made;
}

stub_answer kitsu_stub::state::log_in(const stub_request& r) {
  const std::lock_guard lock(mutex);
  ++logins;
  if (const auto found = refusals.find(member(r.body, "email")); found != refusals.end()) return found->second;
  const stub_tokens made = new_tokens();
  return json_answer(200, R"({"login": true, "user": {"id": "u1", "full_name": "One User", "email": ")" +
                              member(r.body, "email") + R"("}, "organisation": {"id": "o1", "name": "Studio"}, )" +
                              R"("access_token": ")" + made.access + R"(", "refresh_token": ")" + made.refresh +
                              R"("})");
}

stub_answer kitsu_stub::state::refresh_token(const stub_request& r) {
  milliseconds wait;
  {
    const std::lock_guard lock(mutex);
    ++refreshes;
    wait = refresh_delay;
  }
  accepting->life().sleep_for(wait);
  const std::lock_guard lock(mutex);
  const std::string authorization = r.header("Authorization");
  if (authorization.empty()) return json_answer(401, R"({"msg": "Missing Authorization Header"})");
  const std::string token = authorization.substr(std::min<std::size_t>(authorization.size(), 7));
  if (revoked.contains(token)) return json_answer(401, R"({"msg": "Token has been revoked"})");
  if (!refresh.contains(token)) return json_answer(422, R"({"msg": "Only refresh tokens are allowed"})");
  const std::string made = "access-" + std::to_string(++issued);
  access[made];
  return json_answer(200, R"({"access_token": ")" + made + R"("})");
}

stub_answer kitsu_stub::state::log_out(const stub_request& r) {
  const std::lock_guard lock(mutex);
  ++logouts;
  const std::string token = r.header("Authorization").substr(7);
  if (access[token].bot) return json_answer(403, R"({"error": true, "message": "Forbidden"})");
  revoked.insert(token);
  revoked.insert(refresh.begin(), refresh.end());
  return json_answer(200, R"({"logout": true})");
}

kitsu_stub::kitsu_stub() : state_(std::make_unique<state>()) {
  state& s = *state_;
  answer("GET", "", R"({"api": "zou", "version": "1.0.67"})", true);
  answer("GET", "status", R"({"name": "zou", "version": "1.0.67", "database-up": true, "event-stream-up": true,
                             "job-queue-up": true, "indexer-up": true, "key-value-store-up": true})",
         true);
  answer("GET", "auth/authenticated",
         R"({"authenticated": true, "user": {"id": "u1", "full_name": "One User"}, "organisation": {"id": "o1"}})");
  answer("POST", "auth/login", [&s](const stub_request& r) { return s.log_in(r); }, true);
  answer("GET", "auth/refresh-token", [&s](const stub_request& r) { return s.refresh_token(r); }, true);
  answer("GET", "auth/logout", [&s](const stub_request& r) { return s.log_out(r); });
  s.accepting = std::make_unique<net::acceptor>([&s](net::stream& client, int number) { s.serve(client, number); });
}

kitsu_stub::~kitsu_stub() { state_->accepting.reset(); }

int kitsu_stub::port() const { return state_->accepting->port(); }

std::string kitsu_stub::host() const { return "http://127.0.0.1:" + std::to_string(port()) + "/api"; }

void kitsu_stub::answer(std::string method, std::string path, stub_function how, bool open) {
  const std::lock_guard lock(state_->mutex);
  state_->routes[{std::move(method), std::move(path)}] = {std::move(how), open};
}

void kitsu_stub::answer(std::string method, std::string path, stub_answer what, bool open) {
  answer(std::move(method), std::move(path),
         stub_function([what = std::move(what)](const stub_request&) { return what; }), open);
}

void kitsu_stub::answer(std::string method, std::string path, std::string json, bool open) {
  answer(std::move(method), std::move(path), json_answer(200, std::move(json)), open);
}

stub_tokens kitsu_stub::issue() {
  const std::lock_guard lock(state_->mutex);
  return state_->new_tokens();
}

std::string kitsu_stub::issue_bot() {
  const std::lock_guard lock(state_->mutex);
  const std::string made = "bot-" + std::to_string(++state_->issued);
  state_->access[made].bot = true;
  return made;
}

void kitsu_stub::expire_after(std::uint64_t calls) {
  const std::lock_guard lock(state_->mutex);
  state_->expire_after = calls;
}

void kitsu_stub::expire_all() {
  const std::lock_guard lock(state_->mutex);
  for (auto& [token, about] : state_->access) about.expired = true;
}

void kitsu_stub::revoke_refresh_tokens() {
  const std::lock_guard lock(state_->mutex);
  state_->revoked.insert(state_->refresh.begin(), state_->refresh.end());
}

void kitsu_stub::delay_refresh(milliseconds time) {
  const std::lock_guard lock(state_->mutex);
  state_->refresh_delay = time;
}

void kitsu_stub::set_login(std::string email, stub_answer answer) {
  const std::lock_guard lock(state_->mutex);
  state_->refusals[std::move(email)] = std::move(answer);
}

std::uint64_t kitsu_stub::refreshes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->refreshes;
}

std::uint64_t kitsu_stub::logins() const {
  const std::lock_guard lock(state_->mutex);
  return state_->logins;
}

std::uint64_t kitsu_stub::logouts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->logouts;
}

bool kitsu_stub::is_valid(const std::string& token) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->access.find(token);
  return found != state_->access.end() && !found->second.expired && !state_->revoked.contains(token);
}

std::vector<stub_request> kitsu_stub::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->seen;
}

std::vector<stub_request> kitsu_stub::requests_to(std::string_view method, std::string_view path) const {
  std::vector<stub_request> all = requests();
  std::erase_if(all, [&](const stub_request& r) { return r.method != method || r.path != path; });
  return all;
}

std::size_t kitsu_stub::count(std::string_view method, std::string_view path) const {
  return requests_to(method, path).size();
}

std::size_t kitsu_stub::max_in_flight() const {
  const std::lock_guard lock(state_->mutex);
  return state_->max_in_flight;
}

int kitsu_stub::connections() const { return state_->accepting->connections(); }

void kitsu_stub::forget_requests() {
  const std::lock_guard lock(state_->mutex);
  state_->seen.clear();
  state_->max_in_flight = state_->in_flight;
}

} // namespace weir::fakes

// What a handler asks of its client: in the modern era by ending with `input_required`, in the legacy era by a request
// of the server's own.
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>

#include <mcp/engine.hpp>

#include <utility>

namespace weir::mcp {

namespace {

/// The capability that a client declares for a method, or an empty text.
std::string_view capability_for(std::string_view method) noexcept {
  if (method == "elicitation/create") return "elicitation";
  if (method == "sampling/createMessage") return "sampling";
  if (method == "roots/list") return "roots";
  return {};
}

} // namespace

bool call_context::client_can(std::string_view capability) const noexcept {
  return client().capabilities.contains(capability);
}

task<std::map<std::string, json::object>> call_context::ask(std::vector<input_request> requests) {
  std::map<std::string, json::object> known;
  std::vector<input_request> missing;
  for (input_request& request : requests) {
    std::string_view capability = capability_for(request.method);
    if (capability.empty()) throw error(errc::invalid_argument, "a client cannot be asked for " + request.method);
    auto found = from_.answers.find(request.key);
    if (found != from_.answers.end()) {
      known.emplace(found->first, found->second);
      continue;
    }
    if (from_.client) require_client_capability({{capability, json::object()}});
    missing.push_back(std::move(request));
  }
  if (missing.empty()) co_return known;
  if (is_modern(from_.protocol)) {
    if (!from_.may_end_with_questions)
      throw error(errc::internal, "this handler asks its client without having said so (tool::asks_client)");
    throw detail::input_needed{std::move(missing), from_.answers};
  }
  if (!from_.ask_now) throw error(errc::unsupported, "this client cannot be asked over this connection");
  std::vector<task<json::object>> waiting;
  for (const input_request& request : missing) waiting.push_back(from_.ask_now(request));
  std::vector<json::object> answers = co_await gather(std::move(waiting));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    from_.answers.emplace(missing[i].key, answers[i]);
    known.emplace(std::move(missing[i].key), std::move(answers[i]));
  }
  co_return known;
}

namespace detail {

task<json::object> engine::ask_client(input_request request, const sink& out) {
  question asked;
  std::string id = "\"weir-" + random_hex(16) + "\"";
  struct registration {
    std::unordered_map<std::string, question*>& all;
    const std::string& id;
    ~registration() { all.erase(id); }
  };
  questions_.emplace(id, &asked);
  registration entry{questions_, id};

  json::object body{{"jsonrpc", "2.0"}, {"method", request.method}, {"params", std::move(request.params)}};
  std::string text = json::serialize(body);
  out("{\"id\":" + id + "," + text.substr(1), true);
  co_await asked.answered.wait();
  if (asked.failure.empty()) co_return std::move(asked.answer);
  throw error(errc::remote, "the client refused " + request.method + ": " + asked.failure);
}

void engine::deliver(message& response) {
  auto found = questions_.find(response.id);
  if (found == questions_.end()) return;
  question& asked = *found->second;
  if (response.error_code != 0) asked.failure = response.error_text.empty() ? "no reason given" : response.error_text;
  asked.answer = std::move(response.params);
  asked.answered.set();
}

void engine::read_answers(const message& m, call_context::origin& origin, std::string_view purpose) const {
  if (const json::value* state = json::find(m.params, "requestState")) {
    auto answers = state->is_string() ? sealer_.open(state->get_string(), purpose, std::chrono::system_clock::now())
                                      : std::nullopt;
    if (!answers)
      throw rpc_error(error_code::invalid_params,
                      "Invalid params: \"requestState\" was not made by this server for this request, or has expired");
    origin.answers = std::move(*answers);
  }
  if (const json::value* given = json::find(m.params, "inputResponses")) {
    if (!given->is_object())
      throw rpc_error(error_code::invalid_params, "Invalid params: \"inputResponses\" must be an object");
    // What is no object is as good as missing: the handler asks again.
    for (const auto& [key, answer] : given->get_object())
      if (answer.is_object()) origin.answers.insert_or_assign(std::string(key), answer.get_object());
  }
}

std::string engine::input_required(const input_needed& needed, std::string_view purpose) const {
  json::object requests;
  for (const input_request& request : needed.missing)
    requests.emplace(request.key, json::object{{"method", request.method}, {"params", request.params}});
  auto expires = std::chrono::system_clock::now() + options.answer_within;
  json::object result{{"inputRequests", std::move(requests)},
                      {"requestState", sealer_.seal(needed.answers, purpose, expires)}};
  std::string text = finish(result, newest_modern);
  std::size_t at = text.size() - modern_tail_.size();
  return text.substr(0, at) + "\"resultType\":\"input_required\"" +
         text.substr(at + std::string_view("\"resultType\":\"complete\"").size());
}

} // namespace detail
} // namespace weir::mcp

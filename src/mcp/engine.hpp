#pragma once

#include <weir/core/event.hpp>
#include <weir/mcp/server.hpp>

#include <mcp/message.hpp>
#include <mcp/request_state.hpp>

#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

namespace weir::mcp::detail {

/// Takes a message that belongs to a request. One that is not `needed` may be dropped for a client that does not read.
using sink = std::function<void(std::string message, bool needed)>;

/// The state of one legacy client, or of one HTTP request.
struct peer {
  std::optional<version> negotiated;
  std::shared_ptr<const client_facts> client;
  log_level least_level = log_level::info;
  /// Empty where messages outside a request cannot reach the client.
  std::function<void(std::string)> push;
  std::set<std::string, std::less<>> subscribed;
};

/// One response and the HTTP status that goes with it.
struct reply {
  std::string body;
  int status = 200;
};

/// A request whose era and `_meta` have been checked.
struct opened {
  version protocol = newest_modern;
  json::object* meta = nullptr;
  std::string purpose; ///< what a requestState is bound to; empty where nothing may be asked
};

enum class method {
  discover,
  initialize,
  ping,
  set_level,
  list_tools,
  call_tool,
  list_resources,
  list_templates,
  read_resource,
  subscribe,
  unsubscribe,
  list_prompts,
  get_prompt,
  complete,
  listen,
  unknown
};
method find_method(std::string_view name) noexcept;

namespace meta_key {
inline constexpr std::string_view protocol_version = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view client_info = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view client_capabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view log_level = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view subscription_id = "io.modelcontextprotocol/subscriptionId";
inline constexpr std::string_view server_info = "io.modelcontextprotocol/serverInfo";
} // namespace meta_key

/// Returns whether `m` carries the `_meta` of the modern era.
bool has_modern_meta(const message& m) noexcept;

/// What a subscriptions/listen request asks for.
struct subscription_filter {
  bool tools = false;
  bool prompts = false;
  bool resources = false;
};

/// What a server offers and how it answers.
class engine {
 public:
  explicit engine(server_options options);

  struct fixed_resource {
    resource what;
    resource_reader read;
    cache_hint hint;
    bool listed = true;
  };

  server_options options;
  std::vector<std::shared_ptr<const tool>> tools;
  std::vector<std::shared_ptr<const prompt>> prompts;
  std::vector<std::shared_ptr<const fixed_resource>> resources;
  std::vector<std::shared_ptr<const resource_template>> templates;
  resource_provider provider;
  std::set<peer*> peers; ///< legacy clients on pipes
  event closing;

  std::shared_ptr<const tool> find_tool(std::string_view name) const noexcept;
  std::shared_ptr<const prompt> find_prompt(std::string_view name) const noexcept;

  /// Forgets the texts that were written for lists.
  void lists_edited();

  /// Answers a request. `modern_hint`: the transport has said that the request is modern.
  /// Returns at once, without a value, where an answer needs waiting: then `answer` gives it.
  std::optional<reply> answer_now(message& m, peer& from, bool modern_hint, opened& state);
  task<reply> answer(message m, opened state, peer& from, sink out);

  /// Answers everything in `in`, waiting where needed. A batch is refused unless 2025-03-26 was negotiated.
  task<std::optional<reply>> answer_all(incoming in, peer& from, bool modern_hint, sink out);

  /// The answer to a message that is no message, or to a refused batch.
  static reply refuse(const message& m);
  static message refused_batch();

  /// The result that ends the subscription `id` (JSON text) in good order.
  std::string listen_end(std::string_view id) const;

  /// Hands the response of a client to whoever asked for it. Unknown ones are dropped.
  void deliver(message& response);

  void announce(std::string_view method, bool subscription_filter::* wanted);
  void announce_update(std::string_view uri);
  void log(std::string_view line) const;

 private:
  struct question {
    event answered;
    json::object answer;
    std::string failure;
  };

  struct listener {
    subscription_filter wants;
    std::set<std::string, std::less<>> uris;
    std::string id;
    const sink* out = nullptr;
  };

  // Era and `_meta` (engine.cpp).
  opened open(message& m, const peer& from, bool modern_hint) const;
  void open_modern(message& m, opened& state) const;
  std::optional<std::string> result_now(method kind, message& m, opened& state, peer& from);
  task<std::string> result(method kind, message& m, opened& state, peer& from, const sink& out);
  template <class F>
  reply guarded(std::string_view id, F&& f) const;

  // Lists and the opening (lists.cpp).
  json::object capabilities(version v, bool can_push) const;
  json::object self(version v) const;
  std::string discover() const;
  std::string initialize(message& m, peer& from) const;
  const std::string& tool_list(version v);
  const std::string& prompt_list(version v);
  const std::string& template_list(version v);
  std::string subscribe(message& m, peer& from, bool on) const;
  std::string set_level(message& m, peer& from) const;

  // Work (calls.cpp).
  call_context::origin origin_of(message& m, opened& state, const peer& from, const sink& out);
  task<std::string> call_tool(message& m, opened& state, peer& from, const sink& out);
  task<tool_result> run_tool(const tool& t, call_context& context, json::object arguments) const;
  task<std::string> list_resources(message& m, opened& state, peer& from, const sink& out);
  task<std::string> read_resource(message& m, opened& state, peer& from, const sink& out);
  task<std::string> get_prompt(message& m, opened& state, peer& from, const sink& out);
  task<std::string> complete(message& m, opened& state);
  task<std::string> listen(message& m, const sink& out);

  // Questions to the client (asking.cpp).
  task<json::object> ask_client(input_request request, const sink& out);
  void read_answers(const message& m, call_context::origin& origin, std::string_view purpose) const;
  std::string input_required(const input_needed& needed, std::string_view purpose) const;

  /// Closes a result: adds what the modern era wants in every one.
  std::string finish(const json::object& result, version v, const cache_hint* hint = nullptr) const;

  std::string modern_tail_; ///< `"resultType":"complete","_meta":{...}}`
  std::array<std::string, all_versions.size()> tool_lists_, prompt_lists_, template_lists_;
  std::vector<listener*> listeners_;
  std::unordered_map<std::string, question*> questions_;
  state_sealer sealer_;
};

/// Returns a parameter that must be a string. Fails: -32602.
std::string string_param(const json::object& params, std::string_view name);

/// Fails: -32602 where a list without pages was asked for a page.
void refuse_cursor(const json::object& params);

} // namespace weir::mcp::detail

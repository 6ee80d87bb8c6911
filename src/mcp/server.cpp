#include <weir/core/error.hpp>
#include <weir/mcp/server.hpp>

#include <mcp/engine.hpp>

#include <utility>

namespace weir::mcp {

namespace {

[[noreturn]] void refuse_taken(std::string_view kind, const std::string& name) {
  throw error(errc::already_exists, "there is already a " + std::string(kind) + " called '" + name + "'");
}

} // namespace

server::server(server_options options) : engine_(std::make_unique<detail::engine>(std::move(options))) {}
server::~server() = default;

void server::add_tool(tool t) {
  check(t);
  if (engine_->find_tool(t.name)) refuse_taken("tool", t.name);
  engine_->tools.push_back(std::make_shared<const tool>(std::move(t)));
  engine_->lists_edited();
}

bool server::remove_tool(std::string_view name) {
  auto removed = std::erase_if(engine_->tools, [&](const auto& t) { return t->name == name; });
  engine_->lists_edited();
  return removed > 0;
}

const tool* server::find_tool(std::string_view name) const noexcept { return engine_->find_tool(name).get(); }

void server::add_resource(resource r, resource_reader read, cache_hint hint, bool listed) {
  if (r.uri.empty() || r.name.empty() || !read)
    throw error(errc::invalid_argument, "a resource needs a URI, a name and a reader");
  for (const auto& known : engine_->resources)
    if (known->what.uri == r.uri) refuse_taken("resource", r.uri);
  engine_->resources.push_back(std::make_shared<const detail::engine::fixed_resource>(
      detail::engine::fixed_resource{std::move(r), std::move(read), hint, listed}));
}

void server::add_resource_template(resource_template t) {
  if (t.uri_template.empty() || t.name.empty())
    throw error(errc::invalid_argument, "a resource template needs a URI template and a name");
  engine_->templates.push_back(std::make_shared<const resource_template>(std::move(t)));
  engine_->lists_edited();
}

void server::set_resource_provider(resource_provider provider) { engine_->provider = std::move(provider); }

void server::add_prompt(prompt p) {
  if (p.name.empty() || !p.get) throw error(errc::invalid_argument, "a prompt needs a name and a `get`");
  if (engine_->find_prompt(p.name)) refuse_taken("prompt", p.name);
  engine_->prompts.push_back(std::make_shared<const prompt>(std::move(p)));
  engine_->lists_edited();
}

void server::tools_changed() {
  if (!engine_->options.tools_change) return;
  engine_->announce("notifications/tools/list_changed", &detail::subscription_filter::tools);
}
void server::prompts_changed() {
  if (!engine_->options.prompts_change) return;
  engine_->announce("notifications/prompts/list_changed", &detail::subscription_filter::prompts);
}
void server::resources_changed() {
  if (!engine_->options.resources_change) return;
  engine_->announce("notifications/resources/list_changed", &detail::subscription_filter::resources);
}
void server::resource_updated(std::string_view uri) { engine_->announce_update(uri); }

void server::close() { engine_->closing.set(); }

task<std::optional<std::string>> server::handle(std::string message, session& from,
                                                std::function<void(std::string)> notify) {
  detail::sink out;
  if (notify) out = [notify = std::move(notify)](std::string text, bool) { notify(std::move(text)); };
  auto done = co_await engine_->answer_all(detail::read_message(message), from.peer(), false, std::move(out));
  if (!done) co_return std::nullopt;
  co_return std::move(done->body);
}

session::session(server& of, std::function<void(std::string)> push)
    : engine_(of.engine()), peer_(std::make_unique<detail::peer>()) {
  peer_->push = std::move(push);
  engine_.peers.insert(peer_.get());
}

session::~session() { engine_.peers.erase(peer_.get()); }

std::optional<version> session::negotiated() const noexcept { return peer_->negotiated; }

} // namespace weir::mcp

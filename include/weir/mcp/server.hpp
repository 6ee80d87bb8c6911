#pragma once

#include <weir/core/task.hpp>
#include <weir/mcp/prompt.hpp>
#include <weir/mcp/protocol.hpp>
#include <weir/mcp/resource.hpp>
#include <weir/mcp/tool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::mcp {

namespace detail {
class engine;
struct peer;
} // namespace detail

class session;

struct server_options {
  implementation info; ///< name and version are needed
  /// What a model should know about the server as a whole; at most 2,000 characters (clients cut there).
  std::string instructions = {};
  /// How long clients may keep the answers of discover, tools/list, prompts/list and resources/templates/list.
  cache_hint lists = {std::chrono::minutes(5), true};
  /// Whether the lists change while the server runs, and `*_changed` will be called. Declared to clients.
  bool tools_change = false;
  bool prompts_change = false;
  bool resources_change = true;
  /// How long a modern client may take to answer what a handler asked.
  std::chrono::seconds answer_within{900};
  /// Whether clients may ask for log messages (call_context::log).
  bool logging = true;
  /// Gets a line for the operator, without newline. Default: stderr.
  std::function<void(std::string_view)> log = {};
};

/// An MCP server without a transport: what it offers, and how it answers one message. `serve_stdio` and
/// `http_transport` connect it; one server may have any number of both at once.
///
/// Both eras are spoken side by side and chosen by each request: one that carries a protocol version in its `_meta` is
/// modern (2026-07-28), `initialize` opens a legacy session (2024-11-05 to 2025-11-25). `server/discover` changes
/// nothing, so that a client may try the one and then the other on the same pipe.
///
/// Thread-safety: the loop's thread only. Cost: the lists are written once per revision and kept as text.
class server {
 public:
  /// Fails: errc::invalid_argument without a name or version, or with instructions that are too long or no UTF-8.
  explicit server(server_options options);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Offers `t`; tools are listed in the order in which they were added.
  /// Fails: errc::invalid_argument (see `check(const tool&)`); errc::already_exists where the name is taken.
  void add_tool(tool t);
  /// Returns false where there is no such tool. A call that runs goes on.
  bool remove_tool(std::string_view name);
  /// Returns the tool, or nullptr; it lives until it is removed.
  const tool* find_tool(std::string_view name) const noexcept;

  /// Offers one resource. An unlisted one can be read by who knows its URI.
  /// Fails: errc::already_exists where the URI is taken.
  void add_resource(resource r, resource_reader read, cache_hint hint = {}, bool listed = true);
  void add_resource_template(resource_template t);
  /// Gives the resources that come and go; they are listed after the fixed ones.
  void set_resource_provider(resource_provider provider);

  /// Fails: errc::invalid_argument without a name or `get`; errc::already_exists where the name is taken.
  void add_prompt(prompt p);

  /// Tell the clients that listen. Cost: one message per listener.
  void tools_changed();
  void prompts_changed();
  void resources_changed();
  void resource_updated(std::string_view uri);

  /// Ends open subscriptions with a proper answer. For the end of a program; harmless when repeated.
  void close();

  /// Answers one message (or a batch, where 2025-03-26 was negotiated), for a transport of your own and for tests.
  /// `notify` gets messages that belong to the request, for example progress, while it runs.
  /// Returns: the text of the response; nothing for a notification or a response.
  /// Fails: never for what a client sent; that becomes an error response.
  /// Cancellation: stops the handler. `notifications/cancelled` is a transport's business: cancel the task.
  task<std::optional<std::string>> handle(std::string message, session& from,
                                          std::function<void(std::string)> notify = {});

  // For the transports of this room.
  detail::engine& engine() noexcept { return *engine_; }

 private:
  std::unique_ptr<detail::engine> engine_;
};

/// What a server remembers of one legacy client: the negotiated revision, its name, its subscriptions.
/// A modern client needs none of it. It must not outlive its server.
class session {
 public:
  /// `push` gets messages that belong to no request (list changes); may be empty.
  explicit session(server& of, std::function<void(std::string)> push = {});
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// The revision that `initialize` settled on, or nothing.
  std::optional<version> negotiated() const noexcept;

  // For the transports of this room.
  detail::peer& peer() noexcept { return *peer_; }

 private:
  detail::engine& engine_;
  std::unique_ptr<detail::peer> peer_;
};

} // namespace weir::mcp

#pragma once

#include <weir/core/task.hpp>
#include <weir/files/publish.hpp>
#include <weir/files/root.hpp>
#include <weir/json/description.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::studio {

class studio;
struct config;

/// The two kinds of media, each with a folder of its own below the media folder: "videos" and "images".
enum class media_kind { video, image };
std::string_view folder_of(media_kind kind) noexcept;

/// A name below a root.
struct place {
  files::root root;
  std::string name;
};

/// Where a result goes.
struct destination {
  files::root root;
  std::string name; ///< empty: the tool's default name
  files::on_conflict on_conflict = files::on_conflict::number;
};

/// A file that a tool has made.
struct produced_file {
  media_kind kind = media_kind::image;
  std::string name; ///< below the folder of its kind, or below the root that the call named
  std::string mime_type;
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// What a tool gives back: data, the files that it made, and a sentence for a model or a person.
struct tool_outcome {
  json::object result;
  std::vector<produced_file> files;
  std::string text; ///< empty: the result as JSON says it all
};

/// One run of a tool: where its files are, and who listens. The command line overrides it for paths outside of the
/// media folder.
class call {
 public:
  explicit call(studio& in) : in_(in) {}
  virtual ~call() = default;
  call(const call&) = delete;
  call& operator=(const call&) = delete;

  studio& in() const noexcept { return in_; }

  /// Returns where the input that the caller calls `name` is.
  virtual task<place> input(media_kind kind, std::string name);
  /// Returns where an output goes that the caller calls `name` (empty: he left it open).
  virtual task<destination> output(media_kind kind, std::string name);
  /// Tells how far the call is.
  virtual void progress(double done, std::optional<double> total, std::string_view message);

 private:
  studio& in_;
};

/// The four hints of MCP.
struct tool_hints {
  bool read_only = false;
  bool destructive = false;
  bool idempotent = false;
  bool open_world = false;
};

/// A tool: one description, from which come its MCP schema, its checks and its command line.
struct tool {
  std::string name;        ///< as an assistant calls it: "create_video"
  std::string group, verb; ///< as a person calls it: "video", "create"
  std::string title;
  std::string description;
  tool_hints hints = {};
  std::shared_ptr<const json::structure_info> arguments = {};
  std::shared_ptr<const json::structure_info> results = {};
  /// Checks the arguments and runs. Fails: as the tool; errc::invalid_argument names every argument that is wrong.
  std::function<task<tool_outcome>(call&, json::object arguments)> run = {};
  /// Whether it is listed; not set: always. By hand it can be called all the same, and says what is missing.
  std::function<bool(const config&)> is_offered = {};
};

/// Returns all tools, always the same and in the same order, whatever is configured.
std::span<const tool> all_tools();
/// Returns the tool called `name`, or nullptr.
const tool* find_tool(std::string_view name) noexcept;
/// Returns the tool with that group and verb, or nullptr.
const tool* find_command(std::string_view group, std::string_view verb) noexcept;

/// Makes a tool of a function over described structs.
template <class Arguments, class Result>
tool make_tool(tool head, task<tool_outcome> (*function)(call&, Arguments)) {
  head.arguments = Arguments::described().structure();
  head.results = Result::described().structure();
  head.run = [function](call& run, json::object arguments) -> task<tool_outcome> {
    return function(run, Arguments::described().from_json(arguments));
  };
  return head;
}

} // namespace weir::studio

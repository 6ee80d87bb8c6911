#include "kitsu.hpp"
#include "table.hpp"

#include <weir/core/gather.hpp>
#include <weir/json/suggest.hpp>
#include <weir/kitsu/find.hpp>

#include <algorithm>
#include <map>
#include <memory>

namespace weir::app {

namespace {

struct asked {
  std::string project, sequence;
  std::vector<std::string> fields;
  bool with_tasks = false, lines = false;
};

using names = std::map<std::string, std::string>;

names names_of(const json::array& rows, const char* member = "name") {
  names found;
  for (const json::value& each : rows)
    if (const auto* row = each.if_object()) found[text_of(*row, "id")] = text_of(*row, member);
  return found;
}

std::string name_in(const names& all, const std::string& id) {
  const auto found = all.find(id);
  return found == all.end() ? id : found->second;
}

/// "Layout:wip Animation:todo"
std::string tasks_text(const json::object& shot, const names& types, const names& states) {
  std::string text;
  const json::value* tasks = json::find(shot, "tasks");
  if (!tasks || !tasks->is_array()) return text;
  std::vector<std::string> parts;
  for (const json::value& each : tasks->get_array())
    if (const auto* task = each.if_object())
      parts.push_back(name_in(types, text_of(*task, "task_type_id")) + ":" +
                      name_in(states, text_of(*task, "task_status_id")));
  std::sort(parts.begin(), parts.end());
  for (const std::string& part : parts) text += (text.empty() ? "" : " ") + part;
  return text;
}

void write_line(const json::object& row) {
  const std::string text = json::serialize(row) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// The listing's rows, in the order of people.
class shots {
 public:
  shots(const command_line& line, const asked& given, kitsu::client studio)
      : line_(line), given_(given), studio_(std::move(studio)) {}

  task<int> run() {
    const json::object project = co_await kitsu::find_project(studio_, given_.project);
    const std::string id = text_of(project, "id");
    const kitsu::query sequences_of{{"project_id", id}, {"fields", "name"}};
    const json::array sequences = co_await studio_.fetch_all("sequences", sequences_of);
    sequences_ = names_of(sequences);
    if (!given_.sequence.empty()) sequence_ = text_of(kitsu::pick(sequences, given_.sequence, "sequence"), "id");
    if (given_.with_tasks) {
      co_await with_tasks(id);
    } else {
      for (json::value& each : co_await studio_.fetch_all(kitsu::path("projects", id, "shots")))
        if (each.is_object()) take(std::move(each.get_object()));
    }
    if (!given_.lines) print();
    std::fflush(stdout);
    for (const std::string& name : unknown_) // a misspelt one, or one that no shot has a value for
      tell("warning: no shot has a field \"" + json::printable(name) + "\"" + json::did_you_mean(name, known_));
    co_return exit_code::ok;
  }

 private:
  task<void> with_tasks(const std::string& project) {
    auto [types, states] = co_await gather(studio_.fetch_all("task-types"), studio_.fetch_all("task-status"));
    types_ = names_of(types);
    states_ = names_of(states, "short_name");
    co_await studio_.shots_with_tasks(project, [this](json::object shot) -> task<void> {
      take(std::move(shot));
      co_return;
    });
  }

  void take(json::object shot) {
    const std::string parent = text_of(shot, "parent_id");
    if (!sequence_.empty() && parent != sequence_) return;
    if (text_of(shot, "sequence_name").empty()) shot["sequence_name"] = name_in(sequences_, parent);
    look_for_fields(shot);
    if (given_.lines)
      write_line(only_fields(shot, given_.fields));
    else
      rows_.push_back(std::move(shot));
  }

  void look_for_fields(const json::object& shot) {
    if (known_.empty()) {
      for (const auto& each : shot) known_.emplace_back(each.key());
      unknown_ = given_.fields;
    }
    std::erase_if(unknown_, [&shot](const std::string& name) { return member_at(shot, name) != nullptr; });
  }

  void print() {
    std::sort(rows_.begin(), rows_.end(), [](const json::object& a, const json::object& b) {
      const auto key = [](const json::object& o) {
        return std::make_pair(text_of(o, "sequence_name"), text_of(o, "name"));
      };
      return key(a) < key(b);
    });
    if (line_.compact) {
      json::array out;
      for (const json::object& each : rows_) out.push_back(only_fields(each, given_.fields));
      const auto count = out.size();
      print_result(line_, {{"shots", std::move(out)}, {"count", count}});
      return;
    }
    std::vector<std::string> columns = given_.fields, titles;
    if (columns.empty())
      columns = {"sequence_name",
                 "name",
                 "nb_frames",
                 "data.frame_in",
                 "data.frame_out",
                 given_.with_tasks ? "tasks" : "description",
                 "id"};
    for (const std::string& each : columns) {
      std::string title = each == "sequence_name" ? "SEQUENCE" : each.substr(each.find('.') + 1);
      for (char& c : title)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      titles.push_back(std::move(title));
    }
    table shown(titles);
    for (const json::object& row : rows_) {
      std::vector<std::string> cells;
      for (const std::string& each : columns)
        cells.push_back(each == "tasks" ? tasks_text(row, types_, states_) : text_of(row, each));
      shown.add(std::move(cells));
    }
    shown.print();
  }

  const command_line& line_;
  const asked& given_;
  kitsu::client studio_;
  names sequences_, types_, states_;
  std::string sequence_;
  std::vector<std::string> known_, unknown_; ///< fields: of the first shot; of those asked for what none has had
  std::vector<json::object> rows_;
};

task<int> list_shots(const command_line& line, const asked& given, kitsu::client studio) {
  shots listing(line, given, std::move(studio));
  co_return co_await listing.run();
}

} // namespace

void add_kitsu_shots_command(CLI::App& group, command_line& line) {
  auto given = std::make_shared<asked>();
  auto* shots = add_kitsu_subcommand(
      group, line, "shots", "List the shots of a project",
      "  weir kitsu shots --project Aurora --sequence SQ01\n"
      "  weir kitsu shots --project Aurora --with-tasks\n"
      "  weir kitsu shots --project Aurora --fields sequence_name,name,data.frame_in --json\n"
      "  weir kitsu shots --project Aurora --with-tasks --jsonl | jq -c '[.name, (.tasks | length)]'",
      [given, &line] {
        given->fields = split_list(given->fields);
        return with_kitsu([given, &line](kitsu::client& studio) { return list_shots(line, *given, studio); });
      });
  shots->add_option("--project", given->project, "Name or id")->required();
  shots->add_option("--sequence", given->sequence, "Only those of this sequence: name or id");
  shots->add_option("--fields", given->fields, "Columns, such as sequence_name,name,nb_frames,data.frame_in,id")
      ->allow_extra_args(false);
  shots->add_flag("--with-tasks", given->with_tasks, "With their tasks, in one request");
  shots->add_flag("--jsonl", given->lines, "One object a line, each as it comes");
}

} // namespace weir::app

#pragma once

#include <weir/files/root.hpp>
#include <weir/kitsu/client.hpp>
#include <weir/kitsu/preview_kind.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

/// Which previews are wanted: those of one project, of one entity (a shot, an asset), of one task, or these.
struct pull_selection {
  std::string project_id, entity_id, task_id;
  std::vector<std::string> preview_ids;
  std::optional<preview_kind> only; ///< no other kind
  bool latest = false;              ///< of each task only those of its highest revision
};

/// A preview that can be downloaded.
struct pull_item {
  std::string id;
  /// The file's name: project, sequence, entity and task type as far as they are ASCII letters, digits, "-", "_" and
  /// ".", revision and the beginning of the id: "Aurora_SQ01_SH0010_Animation_v003_1a2b3c4d.mp4". Nothing that the
  /// server sends is used as a path.
  std::string name;
  preview_kind kind = preview_kind::file;
  std::string extension; ///< of the record; one of preview_extensions()
  std::string task_id;
  std::int64_t revision = 0;
  /// The `file_size` of the record; 0 where there is none. For pictures and files the length of the download; for
  /// movies perhaps that of another rendition.
  std::uint64_t record_bytes = 0;
  std::string updated_at; ///< as the server writes it
};

/// Why a preview of the selection is not downloaded.
enum class left_out {
  processing, ///< the server still works on it, or waits for its file
  broken,     ///< the server could not read what was uploaded
  missing,    ///< the server has lost its file
  unknown,    ///< there is no such preview, or this user may not see it
  refused,    ///< its record makes no sense: an extension that Kitsu does not keep, an id that is none
};

/// The lower-case name of `why`.
std::string_view to_string(left_out why) noexcept;

struct left_out_item {
  std::string id;
  std::string name; ///< as pull_item::name, without an extension; may be empty
  left_out why = left_out::unknown;
  std::string message; ///< a sentence
};

struct pull_plan {
  std::vector<pull_item> items; ///< by name
  std::vector<left_out_item> others;
};

/// Finds out what there is to download. A project's previews are found by its tasks: one request for each 80 of them.
/// Fails: weir::error(invalid_argument) unless exactly one of project, entity, task and previews is given; not_found
/// where there is no such thing; as client.
task<pull_plan> plan_pull(client studio, pull_selection what);

/// How far a pull is.
struct pull_progress {
  std::size_t files_done = 0, files_total = 0; ///< of those that have to be downloaded
  std::uint64_t bytes_done = 0;                ///< what an earlier attempt has left behind included
  std::uint64_t bytes_total = 0;               ///< a forecast until all have begun
};

enum class pull_state { downloaded, resumed, skipped, failed };

/// The lower-case name of `state`.
std::string_view to_string(pull_state state) noexcept;

/// What became of one preview.
struct pulled {
  std::string id, name;
  pull_state state = pull_state::failed;
  std::uint64_t bytes = 0;        ///< the file's length
  std::uint64_t resumed_from = 0; ///< bytes of it that were there already
  std::string sha256;             ///< empty where it failed, and where it was skipped by its length alone
  std::string problem;            ///< where it failed
};

struct pull_report {
  std::vector<pulled> files; ///< in the plan's order
  std::vector<left_out_item> others;
  std::uint64_t bytes_received = 0;
  std::string note; ///< a sentence where something beside the files went wrong; as a rule empty

  std::size_t count(pull_state state) const noexcept;
  /// Whether every file of the plan is there.
  bool complete() const noexcept { return count(pull_state::failed) == 0; }
};

struct pull_options {
  std::size_t max_jobs = 4;                              ///< at once; client_options::max_transfers holds beside it
  unsigned mode = 0600;                                  ///< of the files
  std::function<void(const pull_progress&)> on_progress; ///< some ten times a second a file. Must not throw.
  std::function<void(const pulled&)> on_file;            ///< at the end of each, skipped ones too. Must not throw.
};

/// Downloads what the plan names into `to`, several at once. One that fails does not end the others, except where all
/// must fail: a full disk, a login that is not accepted any more.
///
/// What is whole already is skipped: a file under the planned name whose length is the one that was noted down when it
/// was downloaded, or, for pictures and files, the record's. What has been downloaded is noted in
/// `.weir/kitsu-pull.jsonl` of the folder, one line a file (id, name, bytes, sha256, updated_at, record_bytes), each
/// written at once behind the others, so that a crash loses none. A record whose file_size has changed since is
/// downloaded again. What broke off is resumed, also by a later process (client::download).
///
/// Returns: what became of each. Fails: weir::error for a folder that cannot be written to.
/// Cancellation: immediate; what is whole stays, what is not is resumed the next time.
task<pull_report> pull(client studio, pull_plan plan, files::root to, pull_options options = {});

} // namespace weir::kitsu

#pragma once

#include <weir/studio/studio.hpp>
#include <weir/studio/tool.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace weir::app {

/// Where the person wants the result.
struct output_choice {
  std::string path;       ///< -o: a file, or a folder (existing, or with a slash at its end); empty: the media folder
  bool overwrite = false; ///< --overwrite
  bool must_be_folder = false; ///< several results
};

/// A call from a terminal: an input with a slash in it is a path, a bare name is looked for in the current folder and
/// then in the media folder; the output goes where -o says.
class cli_call final : public studio::call {
 public:
  cli_call(studio::studio& in, output_choice output) : call(in), output_(std::move(output)) {}

  task<studio::place> input(studio::media_kind kind, std::string name) override;
  task<studio::destination> output(studio::media_kind kind, std::string name) override;
  void progress(double done, std::optional<double> total, std::string_view message) override;

  /// The path of a file that the call has made.
  std::string path_of(const studio::produced_file& file) const;

  /// Opens the output's place now, so that a bad -o is known before anything is spent.
  task<void> check_output(studio::media_kind kind);

 private:
  output_choice output_;
  std::string folder_; ///< of the output, as the person named it; empty: the media folder
  std::chrono::steady_clock::time_point last_told_{};
};

} // namespace weir::app

#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/files/root.hpp>
#include <weir/providers/image.hpp>
#include <weir/providers/video.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::providers::slate {

/// A job of the embedded provider, as it is kept in "<id>.json". Everything here blocks.
struct record {
  std::string id;
  std::string kind;              ///< "video" or "image"
  std::string status = "queued"; ///< queued, in_progress, completed, failed, cancelled
  std::string prompt, model;
  std::uint32_t width = 0, height = 0;
  double seconds = 0;
  std::string output_format = "png";
  std::int64_t created_ns = 0; ///< since 1970
  std::int64_t completed_at = 0;
  std::string remixed_from, error;
  bool has_reference = false; ///< "<id>.ref" holds a picture

  std::string film() const { return id + ".mp4"; }
  std::string reference() const { return id + ".ref"; }
  bool is_final() const { return is_final_status(status); }
};

/// Returns "<prefix>" and 24 random hexadecimal digits.
std::string new_id(const char* prefix);

/// Returns the job. Fails: errc::not_found, also for an id that is none; corrupt.
record load(const files::root& folder, const std::string& id);
/// Writes the job in one step.
void save(const files::root& folder, const record& job);
/// Removes the job and its files; what is missing already is no error.
void remove(const files::root& folder, const std::string& id);
/// Returns all jobs of a kind, the newest first. What cannot be read is left out.
std::vector<record> all(const files::root& folder, const std::string& kind);

/// Copies the picture beside the job.
void keep_reference(const files::root& folder, const record& job, const input_file& picture);

/// Claims the job for this process until the descriptor is closed; empty where another one has it.
unique_fd claim(const files::root& folder, const std::string& id);

} // namespace weir::providers::slate

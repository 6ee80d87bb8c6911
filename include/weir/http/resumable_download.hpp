#pragma once

#include <weir/files/part_file.hpp>
#include <weir/http/download_file.hpp>

#include <string>

namespace weir::http {

/// A download target that survives the process: what has been written stays, with what is needed to go on, until it is
/// committed or discarded. Thread-safety: as download_target.
class part_target : public download_target {
 public:
  /// Opens the part; see files::part_file::open. Blocking: call it inside run_in_threadpool, or use download_resumable.
  explicit part_target(files::part_file part) : part_(std::move(part)) {}

  void write(std::span<const std::byte> bytes) override { part_.write(bytes); }
  void reset() override { part_.reset(); }
  std::uint64_t bytes() const override { return part_.bytes(); }
  std::optional<std::string> sha256() const override { return part_.sha256(); }
  void describe(std::string_view validator, std::optional<std::uint64_t> total) override {
    part_.describe(validator, total);
  }

  /// What a download goes on from: for download_options::resume_from.
  resume_point resume_from() const {
    return {.offset = part_.bytes(), .validator = part_.validator(), .total = part_.total()};
  }

  files::part_file& part() noexcept { return part_; }

 private:
  files::part_file part_;
};

/// Downloads `request` to the file `name` in `in`, as download_file does, and goes on where an earlier call was broken
/// off: by an error, a cancellation, a kill of the process or a power cut. The content is invisible until it is
/// complete; see files::part_file for what is kept meanwhile, and where.
///
/// An earlier part is used only where it came from the same `identity` and the server confirms with its answer to Range
/// and If-Range that the content is still the same one; else it starts over. An empty identity stands for the URL
/// without user and password: give one where the URL changes from call to call, as signed ones do.
///
/// After any failure what has arrived is kept, and the call may be made again at once: after a status_error 401, say,
/// with a new token. An error page never reaches the disk, and an existing file of that name is untouched until the new
/// one is published. Options as of download_file; `resume_from` is this function's own and must not be set.
///
/// Returns: `download.resumed_from` tells how many bytes were there already.
/// Fails: as download and files::part_file; errc::already_exists also while another download to that name is running.
/// Cancellation: immediate, after the write that is running; while an existing part is read, after its next megabyte.
/// Cost: no more processor time than download_file; after every 64 MB it waits for the disk, and the sender for it. An
/// existing part is read once to hash it.
task<file_download> download_resumable(client& web, client_request request, files::root in, std::string name,
                                       files::publish_options publish = {}, download_options options = {},
                                       std::string identity = {});

} // namespace weir::http

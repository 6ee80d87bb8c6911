#pragma once

#include <weir/files/publish.hpp>
#include <weir/http/download.hpp>

namespace weir::http {

/// A download target that becomes a published file: invisible until `commit`, and gone without a trace when it dies
/// before. Thread-safety: as download_target.
class file_target : public download_target {
 public:
  /// Reserves `name` in `in`; see files::publication::reserve for what is checked and how it fails. Do it before the
  /// content is asked for, or paid for. Blocking: call it inside run_in_threadpool, or use download_file.
  file_target(files::root in, std::string name, files::publish_options options = {});

  void write(std::span<const std::byte> bytes) override { file_.write(bytes); }
  void reset() override;
  std::uint64_t bytes() const override { return file_.bytes(); }
  std::optional<std::string> sha256() const override { return file_.sha256(); }

  /// The file that is being made: to commit it, or to move it to another folder.
  files::publication& file() noexcept { return file_; }

 private:
  files::root in_;
  std::string name_;
  files::publish_options options_;
  files::publication file_;
};

struct file_download {
  files::published file;
  download_result download;
};

/// Downloads `request` to the file `name` in `in`: reserved first, published when it is complete.
/// Fails: as download, and as files::publication; then there is no file. Cancellation: likewise.
task<file_download> download_file(client& web, client_request request, files::root in, std::string name,
                                  files::publish_options publish = {}, download_options options = {});

} // namespace weir::http

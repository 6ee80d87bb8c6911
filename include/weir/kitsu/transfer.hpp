#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/files/publish.hpp>
#include <weir/files/root.hpp>
#include <weir/json/value.hpp>
#include <weir/kitsu/query.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::kitsu {

/// Called on the loop as bytes move, some ten times a second; `total` is 0 while it is not known. Must not throw.
using progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// A file to send: by its path, or by a name in a confined root.
class upload_source {
 public:
  upload_source(std::string file_path) : path_(std::move(file_path)) {}
  upload_source(const char* file_path) : path_(file_path) {}
  upload_source(files::root in, std::string name) : root_(std::move(in)), path_(std::move(name)) {}

  /// The last part of its name: what the server is told.
  std::string file_name() const;
  /// As the user named it.
  const std::string& shown() const noexcept { return path_; }
  /// Opens it for reading. Fails: weir::error (not_found, permission_denied, invalid_argument for what is no regular
  /// file or is empty). Cost: blocking.
  files::file open() const;

 private:
  std::optional<files::root> root_;
  std::string path_;
};

struct upload_options {
  /// Further text fields of the form: lists and objects as JSON text, true and false in lower case, null left out.
  json::object fields;
  std::vector<upload_source> more_files; ///< sent as "file-1", "file-2", ...
  query parameters;
  progress on_progress; ///< bytes that have left, of all files together
};

struct download_options {
  query parameters;
  files::publish_options publish; ///< what happens where the name is taken, and what is on the disk for certain
  /// The length that it must have, where that is known: another one is errc::corrupt, and nothing is published.
  std::optional<std::uint64_t> expected_bytes;
  std::uint64_t max_bytes = 0; ///< 0: no limit
  bool keep_partial = true;    ///< keep what has come for the next attempt, also of a later process
  progress on_progress;
};

struct download_outcome {
  files::published file;          ///< name, length, SHA-256
  std::string content_type;       ///< as the server says
  std::uint64_t resumed_from = 0; ///< bytes that were there already
  int attempts = 1;
};

} // namespace weir::kitsu

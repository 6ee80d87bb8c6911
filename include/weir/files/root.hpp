#pragma once

#include <weir/core/unique_fd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

/// Files below one folder, and nothing else.
///
/// Everything here blocks: call it inside run_in_threadpool (or use async.hpp).
namespace weir::files {

using file_time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What the file system says of a file or a folder.
struct file_info {
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  file_time modified{};     ///< clamped to what 64-bit nanoseconds can say (years 1677 to 2262)
  std::uint64_t device = 0; ///< device and inode together name the file itself, whatever it is called
  std::uint64_t inode = 0;
};

/// A regular file that is open for reading. The descriptor is blocking, close-on-exec and at offset 0.
struct file {
  unique_fd fd;
  file_info info;
};

struct root_options {
  /// The mode of folders that are created, before the umask.
  unsigned folder_mode = 0700;
  /// Refuses files with more than one name. Off by default: a hard link is made by somebody who may already write in
  /// this folder and (fs.protected_hardlinks) owns the target or may write to it, so it gives nothing new away. Turn
  /// it on where others may create files in the folder and that kernel setting is off.
  bool refuse_hard_links = false;
};

/// A folder, held open: every name given to it is resolved by the kernel below that folder, and cannot leave it by
/// "..", by a symbolic link, by a mount's magic link, or by swapping a folder for a link while the name is resolved
/// (openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS; where that call is missing or
/// forbidden, part by part with O_NOFOLLOW). No symbolic link below the root is followed, whether it leads in or out.
/// Only regular files are opened: a FIFO, a socket, a device is found out before it is opened, so nothing blocks.
///
/// A copy is cheap and shares the descriptor. A folder that is moved or replaced later is still the folder that was
/// opened. Fails (all functions): errc::invalid_argument for a name that name.hpp refuses, a link, or the wrong kind of
/// file; not_found; permission_denied; unavailable when descriptors run out. Texts name the file as the caller did.
/// Thread-safety: all functions may be called from any thread at once.
/// Cancellation: none, except where a stop token is taken.
class root {
 public:
  /// Opens the folder at `path`, which may be reached through links: the operator chose it, not a client.
  /// Fails: also errc::not_configured when it is missing or no folder. Cost: blocking, a few system calls.
  static root open(const std::string& path, root_options options = {});

  /// As open; first creates the folder and the folders above it where they are missing. Cost: blocking.
  static root open_or_create(const std::string& path, root_options options = {});

  /// Opens a regular file for reading. Cost: blocking; 4 system calls, no bytes read.
  file open_read(std::string_view name) const;

  /// Opens a folder for listing and for *at calls; "" is the root itself. The descriptor has its own read position.
  /// Cost: blocking; 1 system call.
  unique_fd open_dir(std::string_view name) const;

  /// Says what `name` is: a regular file or a folder; anything else is refused as open_read refuses it.
  /// Cost: blocking; 2 system calls. The file is not opened, so its reading rights do not matter.
  file_info stat(std::string_view name) const;

  /// Removes a regular file. Folders and links are refused. Cost: blocking; 3 system calls.
  void remove(std::string_view name) const;

  /// A root of the folder `name`; with `create`, missing folders on the way are made (folder_mode). Cost: blocking.
  root subroot(std::string_view name, bool create) const;

  /// The folder ".weir", created on demand: for Weir's own data, as no client's name can reach it. Cost: blocking.
  root private_root() const;

  /// Returns the whole file. `stop` is looked at between pieces of 1 MiB.
  /// Fails: errc::too_large before any memory is spent when the file is longer than `max_bytes` (also when it grows
  /// past that while it is read). Cancellation: throws weir::cancelled once `stop` is set. Cost: blocking; reads the
  /// file once.
  std::string read_all(std::string_view name, std::uint64_t max_bytes, const std::stop_token& stop = {}) const;

  /// The folder's descriptor; stays the root's property.
  int fd() const noexcept { return fd_->get(); }
  const root_options& options() const noexcept { return options_; }

 private:
  root(unique_fd fd, root_options options) : fd_(std::make_shared<const unique_fd>(std::move(fd))), options_(options) {}

  std::shared_ptr<const unique_fd> fd_;
  root_options options_;
};

} // namespace weir::files

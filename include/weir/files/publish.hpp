#pragma once

#include <weir/files/root.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Atomic publishing: a file is invisible until it is complete, and then there under its name.
///
/// Everything here blocks: call it inside run_in_threadpool (or use async.hpp).
namespace weir::files {

/// What happens when the name is taken at the moment of publishing.
enum class on_conflict {
  number,  ///< "clip.mp4" becomes "clip_2.mp4", "clip_3.mp4", ...: nothing is ever overwritten
  fail,    ///< errc::already_exists; checked when the name is reserved, and again when it is published
  replace, ///< an existing regular file is replaced in one step; a link, a folder or a device never is
};

/// What is on the disk for certain when commit returns.
enum class sync_policy {
  none,         ///< visible at once to all programs; a power cut may lose it
  file,         ///< the content is on the disk (fdatasync) before the name appears
  file_and_dir, ///< and the name too
};

struct publish_options {
  files::on_conflict on_conflict = files::on_conflict::number;
  unsigned mode = 0600;             ///< exact, not reduced by the umask
  std::uint64_t expected_bytes = 0; ///< reserved on the disk beforehand; a forecast, not a duty; 0 = unknown
  std::uint64_t max_bytes = 0;      ///< a write beyond it fails with errc::too_large; 0 = no limit
  sync_policy sync = sync_policy::none;
};

struct published {
  std::string name;        ///< relative to the root, as it was published (perhaps numbered)
  std::uint64_t bytes = 0; ///< the file's length
  std::string sha256;      ///< of its content: 64 lower-case hexadecimal digits
};

/// A file that is being made. Until `commit` it has no name at all (O_TMPFILE), so a crash, a kill or a power cut
/// leaves nothing behind. Where the file system has no unnamed files it is hidden under ".weir-<random>.part", locked
/// while its writer lives; `remove_stale_parts` takes away those whose writer died. The same hidden name is used for an
/// instant by `replace`. An existing file of the same name is untouched by every failure.
///
/// Move-only; destroyed without commit, it leaves no trace. A moved-from publication may only be destroyed or assigned.
/// Thread-safety: one thread at a time per publication; any number of publications at once, of one name as well.
/// Cancellation: none inside a call; between calls, destroy it.
class publication {
 public:
  /// Checks everything that can be checked before the content exists: the name, its folder (which must exist), the
  /// right to write there, room on the disk for expected_bytes, and the conflict rules. Do it before you pay for the
  /// content. Fails: errc::invalid_argument, not_found (the folder), permission_denied, already_exists, no_space,
  /// too_large. Cost: blocking; about 5 system calls.
  static publication reserve(const root& in, std::string_view name, const publish_options& options = {});

  publication(publication&&) noexcept;
  publication& operator=(publication&&) noexcept;
  ~publication();

  /// Appends `bytes`; all of them or, when it throws, none: what was written before stays whole.
  /// After a failure commit refuses, as the file is not complete; move_to another folder and write `bytes` again, or
  /// give up. Fails: errc::no_space, too_large (max_bytes, RLIMIT_FSIZE), internal (the disk's own errors).
  /// Cost: blocking; copies into the page cache and hashes (SHA-256).
  void write(std::span<const std::byte> bytes);
  void write(std::string_view bytes);

  /// The descriptor (read and write, close-on-exec), to hand to a program that writes the content itself. From then on
  /// length and digest are read back from the file; whoever holds it must be done before commit.
  int fd() noexcept;

  /// Reads the file back and returns its digest: for content that came in through fd(). commit does it where needed.
  /// Cost: blocking; reads the whole file.
  std::string hash_existing();

  /// The digest and the length of what has been written with `write`. Cost: cheap.
  std::string sha256() const;
  std::uint64_t bytes() const noexcept;

  /// The name that was reserved.
  const std::string& name() const noexcept;

  /// Publishes the file. May be called once with success; after a failure the content is still there, and commit may be
  /// tried again, or `rescue`. Numbers are given from 2 upwards; the lowest free one as long as there are no gaps.
  /// `replace` goes link-to-hidden-name, then rename, so that the name never disappears; two at once: the later one
  /// stays. A symbolic link with that name counts as taken (number, fail) or is refused (replace); it is never
  /// followed. Fails: errc::already_exists, no_space, not_found (the folder has been removed), invalid_argument
  /// (replace over something that is no regular file), permission_denied. Cost: blocking; 2 to 4 system calls, and the
  /// syncs.
  published commit();

  /// Continues in another root, under `name`, numbered if taken; what has been written so far comes along (nothing is
  /// copied inside one file system). For the disk that is full. Fails: as reserve and write; then nothing has changed.
  /// Cost: blocking; copies the content when the file system is another one.
  void move_to(const root& other, std::string_view name);

  /// move_to and commit in one: puts a complete file that could not be published where it was asked into a recovery
  /// folder. Fails: also errc::invalid_argument after a failed write: such a file is not complete.
  published rescue(const root& recovery, std::string_view name);

 private:
  struct state;
  explicit publication(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

/// Removes the hidden files that dead writers left in the root and its folders; those of living writers (of any
/// process) are locked and stay, and so does what a part_file (part_file.hpp) left less than a week ago. Call it when a
/// server starts. Returns how many were removed. Fails: never because of a single file or folder. Thread-safety: any
/// thread. Cost: blocking; reads every folder of the tree.
std::size_t remove_stale_parts(const root& in);

} // namespace weir::files

#pragma once

#include <weir/files/publish.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace weir::files {

/// A file that is being made over several lives of a program: what has been written stays under a hidden name in the
/// folder of its final name until it is committed or discarded, also after kill -9 and a power cut. The next part_file
/// of that name and source goes on where it ended.
///
/// Beside the bytes it keeps what is needed to go on: a digest of the source, the content's validator (an ETag, say),
/// its total length, and points: lengths together with the SHA-256 up to there. A point is set every few megabytes,
/// every second and at the end of the object, and every 64 MB one that was forced to the disk first. Going on re-reads
/// what is there and keeps the longest stretch that ends at a point and has its SHA-256: so a torn or foreign tail, or
/// bytes that belong to other facts, are never taken for content, in whatever order a crash let things reach the disk.
///
/// In the file system: ".weir-<32 digits>.partial" and ".weir-<32 digits>.facts", mode 0600; the digits come from the
/// final name. What else is found under those names (links, FIFOs, files with several names or of a foreign owner) is
/// replaced and never followed; a folder there is refused. One writer at a time: the part is locked while it lives.
/// remove_stale_parts takes away those that nobody has written to for a week.
///
/// All functions block: call them inside run_in_threadpool. Thread-safety: one thread at a time.
/// Cancellation: none inside a call but open; between calls destroy it.
class part_file {
 public:
  /// Opens the part of `name` in `in`, or begins one. It is empty where nothing was left, where what was left came from
  /// another `source` (any text that names the content, such as a URL without secrets; only its digest is stored) or
  /// holds more than options.max_bytes. Checks what publication::reserve checks, with the same options.
  /// Fails: as publication::reserve; errc::already_exists when another part_file of this name lives, in this process or
  /// in another. Cancellation: throws weir::cancelled once `stop` is set, looked at between pieces of 1 MiB; the part
  /// stays. Cost: blocking; reads the part once.
  static part_file open(const root& in, std::string_view name, std::string_view source,
                        const publish_options& options = {}, const std::stop_token& stop = {});

  part_file(part_file&&) noexcept;
  part_file& operator=(part_file&&) noexcept;
  /// Keeps what has been written, unless that is nothing.
  ~part_file();

  /// Appends `bytes`. Fails: as publication::write; then commit refuses, and what was there before stays.
  /// Cost: blocking; copies into the page cache and hashes.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view bytes);

  /// Forgets all bytes, the validator and the total. Also after a failed write: it may begin again.
  void reset();

  /// Says what the content is, for this life and the next ones. A validator that is longer than 1000 bytes or holds a
  /// control character is not kept. Fails: never; where the facts cannot be stored, less is kept for the next time.
  void describe(std::string_view validator, std::optional<std::uint64_t> total);

  const std::string& validator() const noexcept;       ///< empty: unknown
  std::optional<std::uint64_t> total() const noexcept; ///< of the whole content
  std::uint64_t bytes() const noexcept;
  std::string sha256() const; ///< of all bytes, earlier lives included
  const std::string& name() const noexcept;

  /// Sets a point now; with `on_disk`, one that survives a power cut.
  /// Fails: never: where it cannot be stored, the last one counts.
  void keep(bool on_disk);

  /// Publishes the file as publication::commit does, with its rules. May be called once with success; after a failure
  /// the part is still there. Fails: as publication::commit; errc::invalid_argument also where the total is known and
  /// the length is another.
  published commit();

  /// Removes the part; nothing is left of it. The object may only be destroyed or assigned afterwards.
  void discard() noexcept;

 private:
  struct state;
  explicit part_file(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

} // namespace weir::files

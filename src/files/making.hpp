#pragma once

#include <weir/files/publish.hpp>

#include <files/digest.hpp>
#include <files/staging.hpp>

#include <span>
#include <string>
#include <string_view>

namespace weir::files::detail {

/// A file that is being made, and the name that it is to get: what publication and part_file have in common.
struct making {
  publish_options options;
  std::string name;   ///< as asked for
  std::string folder; ///< the parts of it
  std::string last;
  unique_fd dir; ///< of the folder
  staging stage;
  digest sum;
  std::uint64_t bytes = 0;
  bool external = false; ///< somebody else may have written: length and digest are read back
  bool failed = false;   ///< a write was refused: the content is not complete
  bool done = false;

  void aim(const root& in, std::string_view at);

  /// Fails where the rules of the options forbid the name as things stand, or a file as long as expected.
  void check_rules() const;

  /// Reserves what the options expect beyond `have` bytes that are there. Fails: no_space, too_large.
  void reserve_room(std::uint64_t have) const;

  /// publication::write.
  void append(std::span<const std::byte> more);

  std::uint64_t length() const;
  std::string hash_existing();

  /// Copies the content into a new staging in the aimed-at folder.
  void restage(staging::kind how);

  /// publication::commit. Where it fails after `done`, the file is there under its name.
  published commit();

 private:
  int place(const std::string& part, bool over);
  void settle();
  std::string publish();
};

/// Whether a file that ends there would be more than this process may write: such a write would kill it with SIGXFSZ.
bool beyond_process_limit(std::uint64_t end) noexcept;

} // namespace weir::files::detail

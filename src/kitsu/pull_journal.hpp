#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/files/root.hpp>
#include <weir/kitsu/pull.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>

namespace weir::kitsu {

/// What earlier pulls into a folder have noted down. Blocking; `note` may be called on any thread at once.
class pull_journal {
 public:
  struct entry {
    std::string name, sha256;
    std::uint64_t bytes = 0, record_bytes = 0;
  };

  /// Lines that make no sense, such as one that a crash has cut, are passed over.
  static pull_journal open(const files::root& folder);

  const entry* find(const std::string& id) const;
  /// Writes one line, in one piece.
  void note(const pull_item& item, std::uint64_t bytes, const std::string& sha256) const;

 private:
  std::unordered_map<std::string, entry> entries_;
  unique_fd file_;
};

/// Whether `item` is whole in `folder`. Returns: its entry, perhaps without a digest; nullopt where it is not.
std::optional<pull_journal::entry> whole_already(const files::root& folder, const pull_journal& journal,
                                                 const pull_item& item);

} // namespace weir::kitsu

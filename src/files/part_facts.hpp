#pragma once

#include <weir/core/unique_fd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::files::detail {

/// What is known of the bytes of a part, up to a point.
struct part_facts {
  std::string source; ///< SHA-256 of the caller's text
  std::string validator;
  std::optional<std::uint64_t> total;
  std::uint64_t length = 0; ///< of the point
  std::string sha256;       ///< of the bytes up to there

  bool operator==(const part_facts&) const = default;
};

/// The file beside a part: two slots of one page each, so that a page that is being written when the machine stops
/// never takes the other with it. `lasting` is written after the part itself was forced to the disk, and forced there
/// too; `latest` is written whenever there is something to say and left to the page cache, which survives the process.
enum class facts_slot : std::uint64_t { lasting = 0, latest = 1 };

/// Returns: whether it was written. Cost: one system call; with `lasting` it waits for the disk.
bool store_facts(int fd, facts_slot slot, const part_facts& facts) noexcept;

/// Returns: nothing where the slot is empty, torn or not one of ours.
std::optional<part_facts> load_facts(int fd, facts_slot slot);

inline constexpr std::size_t max_validator_bytes = 1000;

/// Whether `validator` can be stored.
bool is_storable(std::string_view validator) noexcept;

} // namespace weir::files::detail

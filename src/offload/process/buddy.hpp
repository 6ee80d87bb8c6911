#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace weir::detail {

/// Divides a space of `space_bytes` into blocks of 4 KiB, 8 KiB, ... It keeps its books apart from the space, where
/// others may write. A block is a power of two of address space, but only the pages that are touched take memory.
/// A block that comes back is kept as it is and is the first to go out again, since its pages are there already and in
/// the caches; `trim` joins what lies idle. Thread-safety: none.
class buddy {
 public:
  static constexpr std::size_t page_bytes = 4096;

  /// `space_bytes`: a power of two, at least a page.
  explicit buddy(std::size_t space_bytes);

  /// Returns where a free block of at least `size_bytes` begins; nothing where there is none.
  std::optional<std::size_t> allocate(std::size_t size_bytes);
  /// Takes back what `allocate(size_bytes)` gave. Never fails.
  void release(std::size_t offset, std::size_t size_bytes) noexcept;

  struct range {
    std::size_t offset, length;
  };
  /// Joins all that is free, and returns the parts of it that may have been touched.
  std::vector<range> trim();

  /// Blocks kept as they are, in bytes of address space.
  std::size_t kept_bytes() const noexcept { return kept_bytes_; }
  static std::size_t block_bytes(std::size_t size_bytes) noexcept { return page_bytes << order(size_bytes); }
  static std::size_t whole_pages(std::size_t size_bytes) noexcept {
    return (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
  }

 private:
  static std::size_t order(std::size_t size_bytes) noexcept {
    return size_bytes <= page_bytes ? 0 : static_cast<std::size_t>(std::bit_width((size_bytes - 1) / page_bytes));
  }
  void join(std::size_t offset, std::size_t order);

  static constexpr std::size_t max_orders = 52;
  std::size_t top_;
  std::size_t touched_ = 0; ///< nothing from here on was ever given out
  std::size_t kept_bytes_ = 0;
  std::array<std::vector<std::size_t>, max_orders> kept_;
  std::array<std::set<std::size_t>, max_orders> free_; ///< lowest first, so that what is in use stays together
};

} // namespace weir::detail

#pragma once

#include <weir/core/unique_fd.hpp>

#include <cstddef>

namespace weir::detail {

/// Memory that several processes map, without a name. Its size is sealed: whoever else holds the descriptor can neither
/// shorten it, which would turn a read here into SIGBUS, nor grow it. Pages exist only once they are touched, so a
/// large region costs address space alone. Move-only. Children that are forked do not inherit the maker's mapping.
class shared_region {
 public:
  enum class access { read_only, read_write };

  shared_region() noexcept = default;
  /// Makes one of zeros, of whole pages, for reading and writing. `name` is for /proc/PID/maps.
  /// Fails: errc::unavailable where the system grants no such memory.
  static shared_region make(const char* name, std::size_t size_bytes);
  /// Maps one that another process made. The descriptor may be closed afterwards. Fails: errc::unavailable.
  static shared_region attach(int descriptor, std::size_t size_bytes, access how);

  shared_region(shared_region&& other) noexcept;
  shared_region& operator=(shared_region&& other) noexcept;
  ~shared_region();

  std::byte* data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }
  bool holds(const void* address) const noexcept { return address >= data_ && address < data_ + size_bytes_; }
  /// For others to map it as they like; -1 where it was attached.
  int descriptor() const noexcept { return descriptor_.get(); }
  /// One with which it can only be read: neither mapped for writing nor emptied. (A process that may open files of
  /// /proc/self/fd could still get another one: shut it in a sandbox if that matters.)
  unique_fd read_only_descriptor() const;

  /// Makes these whole pages zeros again and returns their memory to the system. Does nothing where it was attached for
  /// reading.
  void give_back(std::size_t offset, std::size_t length) const noexcept;
  /// The bytes that are in memory, for tests and figures. Cost: a system call.
  std::size_t resident_bytes() const;

 private:
  shared_region(unique_fd descriptor, std::byte* data, std::size_t size_bytes) noexcept;

  unique_fd descriptor_;
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

} // namespace weir::detail

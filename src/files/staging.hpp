#pragma once

#include <weir/core/unique_fd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::files::detail {

/// A file that no client can see yet: unnamed where the file system allows it, else under a hidden, locked name that is
/// removed by the destructor, unless it was adopted to stay.
class staging {
 public:
  enum class kind { unnamed_if_possible, named };

  staging() noexcept = default;
  staging(staging&& other) noexcept;
  staging& operator=(staging&& other) noexcept;
  ~staging() { discard(); }

  /// Creates it in the folder `dir`, with `mode`. `shown` is the name for errors.
  static staging create(int dir, unsigned mode, std::string_view shown, kind how = kind::unnamed_if_possible);

  /// Takes over the open and locked file `part` in `dir`, which stays when this object dies.
  static staging adopt(unique_fd fd, unique_fd dir, std::string part) noexcept;

  int fd() const noexcept { return fd_.get(); }

  /// From now on the destructor removes it.
  void give_up() noexcept { stays_ = false; }

  /// Gives it `name` in `dir` unless that is taken. Returns 0 or errno: EEXIST when taken, EXDEV when `dir` is on
  /// another file system, EOPNOTSUPP when an unnamed file cannot get a name here: copy it into another staging then.
  int publish_new(int dir, const std::string& name) noexcept;

  /// Gives it `name` in `dir` in place of the file that has it. Returns 0 or errno, as above.
  int publish_over(int dir, const std::string& name);

 private:
  void discard() noexcept;
  int link_unnamed(int dir, const char* name) const noexcept;

  unique_fd fd_;
  unique_fd dir_;    ///< where part_ is
  std::string part_; ///< empty while unnamed, and after publishing
  bool stays_ = false;
};

/// Takes the lock that marks a part as alive. Returns false when somebody else holds it.
bool lock_part(int fd) noexcept;

/// True for ".weir-<32 hexadecimal digits>.part".
bool is_part_name(std::string_view name) noexcept;

/// Copies `bytes` from the start of one file to the start of another, inside the kernel where it can. Throws
/// errno_error with `shown`.
void copy_content(int from, int to, std::uint64_t bytes, std::string_view shown);

/// The error for a failed write of `name`.
[[noreturn]] void throw_write_error(int number, std::string_view name);

} // namespace weir::files::detail

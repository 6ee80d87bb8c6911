#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/detail/buffer_block.hpp>

#include <cstddef>
#include <span>

namespace weir {

class mutable_buffer;

/// Bytes that nobody changes any more, with any number of handles: copying one copies a pointer. As an argument or
/// result of run_in_processpool it travels by reference, however large it is. It is plain memory as well: with threads,
/// or without any pool.
///
/// The rule: what is shared can only be read, what can be written has one owner.
///   mutable_buffer pixels = shared_buffer::make(size);   // fill it,
///   shared_buffer image = std::move(pixels);             // then share it: from here on it stays as it is
/// - A job that takes a shared_buffer reads the caller's memory; the worker has no way to write there.
/// - A job that takes a mutable_buffer owns it: the caller gives it away (std::move) and gets it back as a result.
/// Where
///   it came out of a job in the same worker, the job works in place; else the worker gets a copy of its own first.
/// - A job that returns either makes it with `make` in the worker: the caller then has that very memory.
/// A handle that a job keeps after its end (a static) is not valid in a worker.
///
/// A worker can still write into what it returned. One that runs foreign code (a sandboxed one that was taken over by a
/// crafted file) may do so while the caller reads: what is checked first and used afterwards must be copied in between,
/// with from(). Workers of one pool can read all buffers of 4 KiB and more that are sent to any of them.
///
/// Thread-safety: as std::shared_ptr; the last handle may go on any thread.
class shared_buffer {
 public:
  shared_buffer() noexcept = default;
  shared_buffer(mutable_buffer&& filled) noexcept;

  /// Returns a buffer to be filled; what it holds at first is anything. Below 4 KiB it lies on the heap, else in memory
  /// that workers can see. Fails: errc::too_large where it exceeds the cap of that memory, errc::unavailable where
  /// other buffers fill it. Cost: below 1 us where memory of that size was given back before, else the system's price
  /// of fresh pages (about 0.2 ms per MiB) as they are first touched.
  static mutable_buffer make(std::size_t size_bytes);
  /// Returns a copy of `bytes`. Fails: as make.
  static shared_buffer from(std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const noexcept { return view_; }
  operator std::span<const std::byte>() const noexcept { return view_; }
  const std::byte* data() const noexcept { return view_.data(); }
  std::size_t size() const noexcept { return view_.size(); }
  bool empty() const noexcept { return view_.empty(); }
  const std::byte* begin() const noexcept { return data(); }
  const std::byte* end() const noexcept { return data() + size(); }

  /// Returns a handle to a part, which keeps the whole alive. Fails: errc::invalid_argument where it is not within.
  shared_buffer slice(std::size_t offset, std::size_t length) const;
  /// Returns a buffer that can be written: this very memory where this is the only handle, to all of it, else a copy.
  /// Fails: as make.
  mutable_buffer unshare() &&;

 private:
  friend class mutable_buffer;
  friend struct codec<shared_buffer>;
  shared_buffer(detail::block_handle block, std::span<const std::byte> view) noexcept
      : block_(std::move(block)), view_(view) {}

  detail::block_handle block_;
  std::span<const std::byte> view_;
};

/// Bytes with one owner, who may write them; see shared_buffer. Move-only. Thread-safety: as a std::unique_ptr.
class mutable_buffer {
 public:
  mutable_buffer() noexcept = default;
  mutable_buffer(mutable_buffer&& other) noexcept
      : block_(std::move(other.block_)), view_(std::exchange(other.view_, {})) {}
  mutable_buffer& operator=(mutable_buffer&& other) noexcept {
    block_ = std::move(other.block_);
    view_ = std::exchange(other.view_, {});
    return *this;
  }

  /// As shared_buffer::make.
  static mutable_buffer make(std::size_t size_bytes);

  std::span<std::byte> bytes() const noexcept { return view_; }
  operator std::span<std::byte>() const noexcept { return view_; }
  std::byte* data() const noexcept { return view_.data(); }
  std::size_t size() const noexcept { return view_.size(); }
  bool empty() const noexcept { return view_.empty(); }
  std::byte* begin() const noexcept { return data(); }
  std::byte* end() const noexcept { return data() + size(); }
  /// Forgets all after the first `size_bytes` (at most size()): a result that came out smaller than its room.
  void shrink(std::size_t size_bytes);
  /// Ends writing. The same as the conversion.
  shared_buffer share() && noexcept { return shared_buffer(std::move(*this)); }

 private:
  friend class shared_buffer;
  friend struct codec<mutable_buffer>;
  mutable_buffer(detail::block_handle block, std::span<std::byte> view) noexcept
      : block_(std::move(block)), view_(view) {}

  detail::block_handle block_;
  std::span<std::byte> view_;
};

/// How buffers travel; see detail/buffer_block.hpp.
template <>
struct codec<shared_buffer> {
  static void encode(encoder& out, const shared_buffer& value);
  static shared_buffer decode(decoder& in);
};
template <>
struct codec<mutable_buffer> {
  static void encode(encoder& out, const mutable_buffer& value);
  static mutable_buffer decode(decoder& in);
};

} // namespace weir

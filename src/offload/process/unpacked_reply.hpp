#pragma once

#include "offload/process/packed_call.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace weir::detail {

/// A worker's reply in the parent, ready to be decoded. All that it refers to was checked; blocks that nobody takes out
/// of it go back to the worker with it. Thread-safety: none.
class unpacked_reply final : public buffer_transfer {
 public:
  enum class worker { trusted, hostile };

  /// `call` is what it answers. Of a hostile worker the payload is copied before anybody looks at it; of a trusted one
  /// it is decoded where it is.
  unpacked_reply(const ring_reply& reply, result_area& area, const packed_call& call, worker whose);
  unpacked_reply(const unpacked_reply&) = delete;
  unpacked_reply& operator=(const unpacked_reply&) = delete;

  /// nullptr, or what is wrong, in words: then end the worker, and do not read.
  const char* broken_because() const noexcept { return broken_; }

  /// Returns `read(payload)`, a span of bytes; buffers are found meanwhile. Once.
  template <class Read>
  decltype(auto) read(const Read& read) {
    const scope journey(*this);
    return read(value_);
  }

  std::uint32_t place(const block_handle&, bool) override { return 0; }
  block_handle find(std::uint32_t number, bool exclusive) override;

 private:
  struct came {
    block_handle block;
    bool can_be_exclusive;
    bool shared = false;
  };
  void open(std::span<const std::byte> all, std::uint32_t buffers, result_area& area, const packed_call& call,
            bool may_change);
  const char* take(const buffer_entry& entry, result_area& area, const packed_call& call);

  std::vector<came> buffers_;
  block_handle payload_;
  std::unique_ptr<std::byte[]> copy_;
  std::span<const std::byte> value_;
  const char* broken_ = nullptr;
};

} // namespace weir::detail

#include "offload/process/arena.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/shared_buffer.hpp>

#include <atomic>
#include <cstring>
#include <string>

namespace weir {

namespace detail {

namespace {

std::atomic<buffer_source*> source{nullptr};
thread_local buffer_transfer* journey = nullptr;

class heap_block final : public buffer_block {
 public:
  explicit heap_block(std::size_t size_bytes) : heap_block(new std::byte[size_bytes], size_bytes) {}
  ~heap_block() override { delete[] bytes().data(); }

 private:
  heap_block(std::byte* memory, std::size_t size_bytes) noexcept : buffer_block({memory, size_bytes}, nullptr, 0) {}
};

} // namespace

buffer_source& buffer_source::here() {
  buffer_source* set = source.load(std::memory_order_acquire);
  return set ? *set : *arena::process();
}

void buffer_source::use(buffer_source& which) noexcept { source.store(&which, std::memory_order_release); }

buffer_transfer* buffer_transfer::current() noexcept { return journey; }

buffer_transfer::scope::scope(buffer_transfer& transfer) noexcept : before_(std::exchange(journey, &transfer)) {}

buffer_transfer::scope::~scope() { journey = before_; }

} // namespace detail

namespace {

// Smaller ones are not worth a page, and travel within the message.
constexpr std::size_t least_shared_bytes = 4096;

detail::block_handle new_block(std::size_t size_bytes) {
  if (size_bytes < least_shared_bytes) return std::make_shared<detail::heap_block>(size_bytes);
  return detail::buffer_source::here().make_block(size_bytes);
}

enum class form : std::uint8_t { bytes, reference };

void encode_view(encoder& out, const detail::block_handle& block, std::span<const std::byte> view, bool exclusive) {
  auto* journey = detail::buffer_transfer::current();
  if (!journey || view.empty() || (!block->home() && view.size() < least_shared_bytes)) {
    out.put(form::bytes);
    out.write_length(view.size());
    out.write(view.data(), view.size());
    return;
  }
  out.put(form::reference);
  out.put(journey->place(block, exclusive));
  out.put<std::uint64_t>(static_cast<std::size_t>(view.data() - block->bytes().data()));
  out.put<std::uint64_t>(view.size());
}

/// A buffer's block and the part of it that is meant.
struct part {
  detail::block_handle block;
  std::span<std::byte> view;
};

part decode_part(decoder& in, std::string_view type, bool exclusive) {
  const auto how = in.get<form>();
  if (how == form::bytes) {
    const std::size_t size = in.read_length(type, 1, 0);
    if (size == 0) return {};
    part copy{new_block(size), {}};
    copy.view = copy.block->bytes();
    in.read(copy.view.data(), size, type);
    return copy;
  }
  if (how != form::reference) in.fail(type, "is of no known form");
  const auto number = in.get<std::uint32_t>();
  const auto offset = in.get<std::uint64_t>();
  const auto size = in.get<std::uint64_t>();
  auto* journey = detail::buffer_transfer::current();
  auto block = journey ? journey->find(number, exclusive) : nullptr;
  if (!block) in.fail(type, "refers to memory that did not come along");
  if (offset > block->bytes().size() || size > block->bytes().size() - offset)
    in.fail(type, "refers to more memory than came along");
  const auto view = block->bytes().subspan(offset, size);
  return {std::move(block), view};
}

} // namespace

shared_buffer::shared_buffer(mutable_buffer&& filled) noexcept
    : block_(std::move(filled.block_)), view_(std::exchange(filled.view_, {})) {}

mutable_buffer shared_buffer::make(std::size_t size_bytes) { return mutable_buffer::make(size_bytes); }

mutable_buffer mutable_buffer::make(std::size_t size_bytes) {
  if (size_bytes == 0) return {};
  detail::block_handle block = new_block(size_bytes);
  const auto view = block->bytes();
  return mutable_buffer(std::move(block), view);
}

shared_buffer shared_buffer::from(std::span<const std::byte> bytes) {
  mutable_buffer copy = make(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

shared_buffer shared_buffer::slice(std::size_t offset, std::size_t length) const {
  if (offset > size() || length > size() - offset)
    throw error(errc::invalid_argument, "a slice of " + std::to_string(length) + " bytes from " +
                                            std::to_string(offset) + " is not within a buffer of " +
                                            std::to_string(size()));
  return shared_buffer(block_, view_.subspan(offset, length));
}

mutable_buffer shared_buffer::unshare() && {
  if (block_ && block_.use_count() == 1 && view_.size() == block_->bytes().size() && block_->writable()) {
    // use_count is read relaxed: order what other handles did before they went.
    std::atomic_thread_fence(std::memory_order_acquire);
    const auto view = block_->bytes();
    view_ = {};
    return mutable_buffer(std::move(block_), view);
  }
  mutable_buffer copy = make(size());
  if (!empty()) std::memcpy(copy.data(), data(), size());
  *this = {};
  return copy;
}

void mutable_buffer::shrink(std::size_t size_bytes) {
  if (size_bytes > size())
    throw error(errc::invalid_argument,
                "a buffer of " + std::to_string(size()) + " bytes cannot shrink to " + std::to_string(size_bytes));
  view_ = view_.first(size_bytes);
}

void codec<shared_buffer>::encode(encoder& out, const shared_buffer& value) {
  encode_view(out, value.block_, value.view_, false);
}

void codec<mutable_buffer>::encode(encoder& out, const mutable_buffer& value) {
  encode_view(out, value.block_, value.view_, true);
}

shared_buffer codec<shared_buffer>::decode(decoder& in) {
  part found = decode_part(in, "a shared_buffer", false);
  return shared_buffer(std::move(found.block), found.view);
}

mutable_buffer codec<mutable_buffer>::decode(decoder& in) {
  part found = decode_part(in, "a mutable_buffer", true);
  return mutable_buffer(std::move(found.block), found.view);
}

} // namespace weir

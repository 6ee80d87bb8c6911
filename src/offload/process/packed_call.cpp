#include "offload/process/packed_call.hpp"

#include <weir/core/error.hpp>

#include <cstring>

namespace weir::detail {

packed_call::packed_call(std::shared_ptr<arena> where, std::span<const std::byte> thunk, const void* function,
                         encode_function encode)
    : arena_(std::move(where)), thunk_bytes_(thunk.size()) {
  if (thunk.size() > 100) throw error(errc::invalid_argument, "the name of a job's function is too long");
  if (!thunk.empty()) std::memcpy(slot_.data(), thunk.data(), thunk.size());
  const scope journey(*this);
  encoder small(std::span(slot_).subspan(thunk.size()), encoder::when_full::count);
  encode(function, small);
  value_bytes_ = small.size_bytes();
  const std::size_t with_table = value_bytes_ + buffers_.size() * sizeof(buffer_entry);
  if (with_table <= inline_bytes - thunk.size()) return;
  payload_ = arena_->make_block(with_table);
  encoder large(payload_->bytes().first(value_bytes_), encoder::when_full::count);
  encode(function, large);
  if (large.size_bytes() != value_bytes_)
    throw error(errc::invalid_argument, "an argument changed while it was being sent");
}

std::uint32_t packed_call::place(const block_handle& block, bool exclusive) {
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    if (buffers_[i].block == block) return static_cast<std::uint32_t>(i);
  buffers_.push_back({block, exclusive, nullptr, {}});
  return static_cast<std::uint32_t>(buffers_.size() - 1);
}

const void* packed_call::home() const noexcept {
  for (const kept& each : buffers_)
    if (each.block->home() && each.block->home() != arena_.get()) return each.block->home();
  return nullptr;
}

ring_request packed_call::request(std::uint64_t id, std::uint32_t flags, result_area& area) {
  area.flush();
  std::byte* table = (payload_ ? payload_->bytes().data() : slot_.data() + thunk_bytes_) + value_bytes_;
  for (kept& each : buffers_) {
    const bool is_here = each.block->home() == &area;
    if (!is_here && each.block->home() != arena_.get() && !each.copy) {
      each.copy = arena_->make_block(each.block->bytes().size());
      std::memcpy(each.copy->bytes().data(), each.block->bytes().data(), each.block->bytes().size());
    }
    const buffer_block& seen = each.copy && !is_here ? *each.copy : *each.block;
    each.entry = {is_here ? buffer_entry::in_area : buffer_entry::in_arena, seen.offset(), seen.bytes().size()};
    std::memcpy(table, &each.entry, sizeof each.entry);
    table += sizeof each.entry;
  }
  const std::size_t size_bytes = value_bytes_ + buffers_.size() * sizeof(buffer_entry);
  ring_request made;
  made.id = id;
  made.flags = flags;
  made.thunk = std::span(slot_).first(thunk_bytes_);
  made.buffers = static_cast<std::uint32_t>(buffers_.size());
  if (payload_) {
    made.arena_offset = payload_->offset();
    made.arena_length = size_bytes;
  } else {
    made.payload = std::span(slot_).subspan(thunk_bytes_, size_bytes);
  }
  return made;
}

std::size_t packed_call::arena_bytes() const noexcept {
  std::size_t sum = payload_ ? arena::footprint_bytes(payload_->bytes().size()) : 0;
  for (const kept& each : buffers_)
    if (each.copy) sum += arena::footprint_bytes(each.copy->bytes().size());
  return sum;
}

std::optional<packed_call::sent> packed_call::was_sent(const buffer_entry& entry) const {
  for (const kept& each : buffers_)
    if (each.entry.place == entry.place && each.entry.offset == entry.offset &&
        each.entry.size_bytes == entry.size_bytes)
      return sent{each.block, each.exclusive};
  return std::nullopt;
}

} // namespace weir::detail

#include "offload/process/unpacked_reply.hpp"

#include "offload/process/shared_words.hpp"

#include <weir/offload/detail/large_block.hpp>

namespace weir::detail {

unpacked_reply::unpacked_reply(const ring_reply& reply, result_area& area, const packed_call& call, worker whose) {
  if (reply.area_length == 0) {
    open(reply.payload(), reply.buffers, area, call, false);
    return;
  }
  payload_ = area.adopt(reply.area_offset, reply.area_length);
  if (!payload_) {
    broken_ = "its reply lies where it cannot be";
    return;
  }
  open(payload_->bytes(), reply.buffers, area, call, whose == worker::hostile);
}

void unpacked_reply::open(std::span<const std::byte> all, std::uint32_t buffers, result_area& area,
                          const packed_call& call, bool may_change) {
  if (buffers > all.size() / sizeof(buffer_entry)) {
    broken_ = "its reply names more buffers than it has room for";
    return;
  }
  value_ = all.first(all.size() - buffers * sizeof(buffer_entry));
  buffers_.reserve(buffers);
  for (std::size_t i = 0; i < buffers && !broken_; ++i) {
    buffer_entry entry;
    copy_bytes_once(&entry, value_.data() + value_.size() + i * sizeof entry, sizeof entry);
    broken_ = take(entry, area, call);
  }
  if (broken_ || !may_change) return;
  copy_.reset(new std::byte[value_.size()]);
  if (value_.size() >= huge_block_bytes) expect_block(copy_.get(), value_.size());
  copy_block(copy_.get(), value_.data(), value_.size()); // whatever it holds now: only the copy is looked at
  value_ = {copy_.get(), value_.size()};
  payload_.reset();
}

const char* unpacked_reply::take(const buffer_entry& entry, result_area& area, const packed_call& call) {
  if (auto back = call.was_sent(entry)) {
    for (const came& other : buffers_)
      if (other.block == back->block) return "it returns a buffer twice";
    buffers_.push_back({std::move(back->block), back->exclusive && entry.place == buffer_entry::in_area});
    return nullptr;
  }
  if (entry.place != buffer_entry::in_area) return "it returns an argument that it was not given";
  block_handle block = area.adopt(entry.offset, entry.size_bytes);
  if (!block) return "it returns memory that is not its own";
  buffers_.push_back({std::move(block), true});
  return nullptr;
}

block_handle unpacked_reply::find(std::uint32_t number, bool exclusive) {
  if (number >= buffers_.size()) return nullptr;
  came& which = buffers_[number];
  if (!exclusive) {
    which.shared = true;
    return which.block;
  }
  if (!which.can_be_exclusive || which.shared) return nullptr;
  return std::move(which.block);
}

} // namespace weir::detail

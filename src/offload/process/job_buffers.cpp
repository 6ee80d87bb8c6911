#include "offload/process/job_buffers.hpp"

#include <weir/core/error.hpp>

#include <cstring>

namespace weir::detail {

job_buffers::job_buffers(worker_memory& memory, job_ring_end& ring, const taken_job& job)
    : memory_(memory), ring_(ring), payload_(job.payload) {
  if (job.arena_length != 0) {
    large_ = memory_.look(job.arena_offset, job.arena_length);
    payload_ = large_->bytes();
  }
  if (job.buffers > payload_.size() / sizeof(buffer_entry))
    throw error(errc::internal, "a job names more buffers than its request has room for");
  const auto table = payload_.last(job.buffers * sizeof(buffer_entry));
  payload_ = payload_.first(payload_.size() - table.size());
  arguments_.resize(job.buffers);
  for (std::size_t i = 0; i < job.buffers; ++i)
    std::memcpy(&arguments_[i].entry, table.data() + i * sizeof(buffer_entry), sizeof(buffer_entry));
}

block_handle job_buffers::find(std::uint32_t number, bool exclusive) {
  if (number >= arguments_.size()) return nullptr;
  auto& [entry, block] = arguments_[number];
  if (!block)
    block = entry.place == buffer_entry::in_area ? memory_.given(entry.offset)
                                                 : memory_.look(entry.offset, entry.size_bytes);
  if (!block || !exclusive || block->writable()) return block;
  // The caller's memory is not to be written: the job works in a copy of its own.
  block_handle own = memory_.make_block(block->bytes().size());
  std::memcpy(own->bytes().data(), block->bytes().data(), block->bytes().size());
  return own;
}

bool job_buffers::came_with_this_job(const buffer_block& block) const noexcept {
  for (const argument& each : arguments_)
    if (each.block && each.block->home() == block.home() && each.block->offset() == block.offset()) return true;
  return false;
}

std::uint32_t job_buffers::place(const block_handle& block, bool) {
  for (std::size_t i = 0; i < results_.size(); ++i)
    if (results_[i].block == block) return static_cast<std::uint32_t>(i);
  result made{block, block, {}};
  if (came_with_this_job(*block)) {
    made.entry.place = memory_.made(*block) ? buffer_entry::in_area : buffer_entry::in_arena;
  } else if (memory_.is_argument(*block)) {
    throw error(errc::invalid_argument, "a job cannot return a buffer that it kept from an earlier job");
  } else {
    memory_.collect();
    if (!memory_.made(*block) || memory_.given(block->offset())) {
      made.sent = memory_.make_block(block->bytes().size());
      std::memcpy(made.sent->bytes().data(), block->bytes().data(), block->bytes().size());
    }
    made.entry.place = buffer_entry::in_area;
  }
  made.entry.offset = made.sent->offset();
  made.entry.size_bytes = made.sent->bytes().size();
  results_.push_back(std::move(made));
  return static_cast<std::uint32_t>(results_.size() - 1);
}

std::span<std::byte> job_buffers::more(std::size_t bytes) {
  room_.reset();
  room_ = memory_.make_block(bytes + results_.size() * sizeof(buffer_entry));
  return room_->bytes().first(bytes);
}

void job_buffers::finish(std::span<const std::byte> written, std::uint32_t flags) {
  const std::size_t size_bytes = written.size() + results_.size() * sizeof(buffer_entry);
  const bool in_room = room_ && written.data() == room_->bytes().data();
  std::span<std::byte> target = in_room ? room_->bytes() : ring_.reply_room();
  block_handle larger;
  if (size_bytes > target.size()) {
    larger = memory_.make_block(size_bytes);
    std::memcpy(larger->bytes().data(), written.data(), written.size());
    target = larger->bytes();
  } else if (in_room) {
    larger = room_;
  }
  std::byte* table = target.data() + written.size();
  for (const result& each : results_) {
    std::memcpy(table, &each.entry, sizeof each.entry);
    table += sizeof each.entry;
    if (each.entry.place == buffer_entry::in_area) memory_.give(each.sent);
  }
  const auto count = static_cast<std::uint32_t>(results_.size());
  if (larger) {
    memory_.give(larger);
    ring_.complete_in_area(larger->offset(), size_bytes, flags, count);
  } else {
    ring_.complete(static_cast<std::uint32_t>(size_bytes), flags, count);
  }
}

} // namespace weir::detail

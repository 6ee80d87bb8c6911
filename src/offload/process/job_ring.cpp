#include "offload/process/job_ring.hpp"

#include "offload/process/shared_words.hpp"

#include <weir/core/error.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace weir::detail {

// Who synchronises with whom:
// - a request's fields: the release store of its word in push, the acquire in the worker's compare-and-swap to `taken`;
// - who has a request: both sides compare-and-swap its word from `ready`, so exactly one of take and retract succeeds;
// - a reply's fields: the release store of its word by the worker, the acquire load in pop;
// - a request slot's next use: through the reply, or after a successful retract, whose slot the worker only skips;
// - a reply slot's next use needs no word back: a reply is only written for a taken request, a request slot is only
//   used again when its reply was popped, so at most `depth` replies are ever unread;
// - sleep: the worker stores `asleep`, then loads `announced`; notify stores `announced`, then loads `asleep`; all four
//   sequentially consistent, so at least one side sees the other. The same with replies and the doorbell.

job_ring::job_ring(std::uint32_t depth) {
  if (depth == 0 || depth > max_ring_depth)
    throw error(errc::invalid_argument, "a job ring holds 1 to 64 jobs, not " + std::to_string(depth));
  memory_ = std::make_shared<shared_region>(shared_region::make("weir-ring", ring_view::total_bytes(depth)));
  view_ = {memory_->data(), depth};
  view_.header().depth = depth;
  // No position has been written: the words of position 0 must not look like it (0 is ready for none: phases are not
  // 0).
  jobs_.resize(depth);
}

std::uint64_t job_ring::find(std::uint64_t id) const noexcept {
  for (std::uint64_t position = oldest_; position != tail_; ++position)
    if (at(position).live && at(position).id == id) return position;
  return tail_;
}

void job_ring::forget(std::uint64_t position) noexcept {
  at(position).live = false;
  --live_;
  while (oldest_ != tail_ && !at(oldest_).live) ++oldest_;
}

job_ring::verdict job_ring::broken(const char* why) noexcept {
  broken_ = why;
  return verdict::broken;
}

bool job_ring::push(const ring_request& request) {
  if (request.thunk.size() > inline_bytes || request.payload.size() > inline_bytes - request.thunk.size() ||
      (request.arena_length != 0 && !request.payload.empty()) || request.id == 0)
    throw error(errc::invalid_argument, "a job's request does not fit into its slot");
  if (broken_ || !has_room()) return false;
  request_slot& slot = view_.request(tail_);
  slot.id = request.id;
  slot.offset = request.arena_offset;
  slot.length = request.arena_length;
  slot.flags = request.flags;
  slot.thunk_bytes = static_cast<std::uint16_t>(request.thunk.size());
  slot.payload_bytes = static_cast<std::uint16_t>(request.payload.size());
  slot.buffers = request.buffers;
  slot.stop.store(0, std::memory_order_relaxed);
  if (!request.thunk.empty()) std::memcpy(slot.bytes, request.thunk.data(), request.thunk.size());
  if (!request.payload.empty())
    std::memcpy(slot.bytes + request.thunk.size(), request.payload.data(), request.payload.size());
  slot.word.store(request_word(tail_, request_phase::ready), std::memory_order_release);
  at(tail_) = {request.id, true};
  ++tail_;
  ++live_;
  return true;
}

void job_ring::notify() noexcept {
  ring_header& header = view_.header();
  header.announced.store(tail_, std::memory_order_seq_cst);
  if (header.asleep.load(std::memory_order_seq_cst) == 0) return;
  header.asleep.store(0, std::memory_order_relaxed);
  shared_wake(header.asleep);
}

std::vector<std::uint64_t> job_ring::outstanding_ids() const {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t position = oldest_; position != tail_; ++position)
    if (at(position).live) ids.push_back(at(position).id);
  return ids;
}

bool job_ring::retract(std::uint64_t id) noexcept {
  const std::uint64_t position = find(id);
  if (position == tail_) return false;
  std::uint64_t seen = request_word(position, request_phase::ready);
  if (!view_.request(position).word.compare_exchange_strong(seen, request_word(position, request_phase::retracted),
                                                            std::memory_order_acq_rel, std::memory_order_acquire)) {
    if (seen != request_word(position, request_phase::taken)) broken("the state of a request is none that there is");
    return false;
  }
  forget(position);
  return true;
}

bool job_ring::cancel(std::uint64_t id) noexcept {
  const std::uint64_t position = find(id);
  if (position == tail_) return false;
  std::atomic<std::uint32_t>& stop = view_.request(position).stop;
  stop.store(1, std::memory_order_release);
  shared_wake(stop);
  return true;
}

bool job_ring::started(std::uint64_t id) const noexcept {
  const std::uint64_t position = find(id);
  return position != tail_ &&
         view_.request(position).word.load(std::memory_order_acquire) == request_word(position, request_phase::taken);
}

void job_ring::close() noexcept {
  view_.header().closing.store(1, std::memory_order_seq_cst);
  notify();
}

std::uint64_t job_ring::stale_word() const noexcept { return replies_ < view_.depth ? 0 : replies_ + 1 - view_.depth; }

bool job_ring::has_news() const noexcept {
  // Sequentially consistent for the last look before sleep, see doorbell.cpp.
  return broken_ || view_.reply(replies_).word.load(std::memory_order_seq_cst) != stale_word();
}

job_ring::verdict job_ring::pop(ring_reply& into) noexcept {
  if (broken_) return verdict::broken;
  const reply_slot& slot = view_.reply(replies_);
  const std::uint64_t word = slot.word.load(std::memory_order_acquire);
  if (word == stale_word()) return verdict::nothing;
  if (word != replies_ + 1) return broken("the count of its replies jumps");
  alignas(8) std::byte head[offsetof(reply_slot, bytes)];
  copy_once(head, &slot, sizeof head);
  const auto field = [&head]<class T>(T& value, std::size_t offset) {
    std::memcpy(&value, head + offset, sizeof value);
  };
  field(into.id, offsetof(reply_slot, id));
  field(into.flags, offsetof(reply_slot, flags));
  field(into.payload_bytes, offsetof(reply_slot, payload_bytes));
  field(into.area_offset, offsetof(reply_slot, offset));
  field(into.area_length, offsetof(reply_slot, length));
  field(into.buffers, offsetof(reply_slot, buffers));
  if (oldest_ == tail_) return broken("it answers where nothing was asked");
  if (into.id != at(oldest_).id) return broken("it answers another job than the one that is its turn");
  if (into.payload_bytes > inline_bytes || (into.area_length != 0 && into.payload_bytes != 0))
    return broken("the length of a reply is none that there can be");
  copy_once(into.bytes.data(), slot.bytes, into.payload_bytes);
  ++replies_;
  forget(oldest_);
  return verdict::reply;
}

std::uint64_t job_ring::running() const noexcept { return view_.header().running.load(std::memory_order_relaxed); }

void job_ring::copy_crash_slot(std::span<std::byte> into) const noexcept {
  alignas(8) std::byte copy[ring_page_bytes];
  copy_once(copy, view_.crash(), sizeof copy);
  std::memcpy(into.data(), copy, std::min(into.size(), sizeof copy));
}

} // namespace weir::detail

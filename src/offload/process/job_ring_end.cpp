#include "offload/process/job_ring_end.hpp"

#include "offload/process/shared_words.hpp"

#include <weir/core/error.hpp>

namespace weir::detail {

// What synchronises with what is written down in job_ring.cpp.

job_ring_end::job_ring_end(int descriptor, std::size_t size_bytes, std::chrono::nanoseconds linger)
    : memory_(shared_region::attach(descriptor, size_bytes, shared_region::access::read_write)) {
  look({memory_.data(), size_bytes}, linger);
}

job_ring_end::job_ring_end(std::span<std::byte> mapped, std::chrono::nanoseconds linger) { look(mapped, linger); }

void job_ring_end::look(std::span<std::byte> mapped, std::chrono::nanoseconds linger) {
  patience_.at_most = linger;
  patience_.grown = 5; // a parent that sleeps has to be woken before it can send the next job
  view_.base = mapped.data();
  if (mapped.size() >= ring_view::total_bytes(1)) view_.depth = view_.header().depth;
  if (view_.depth == 0 || view_.depth > max_ring_depth || ring_view::total_bytes(view_.depth) > mapped.size())
    throw error(errc::internal, "a worker was given memory that is no job ring");
}

/// Whether a request waits in the slot whose turn it is. Steps over those that were retracted.
bool job_ring_end::anything() noexcept {
  for (;;) {
    const std::uint64_t word = view_.request(head_).word.load(std::memory_order_acquire);
    if (word == request_word(head_, request_phase::ready)) return true;
    // A later position there: this one was retracted and its slot is in use again.
    if (word <= request_word(head_, request_phase::taken)) return false;
    ++head_;
  }
}

std::optional<taken_job> job_ring_end::try_take() noexcept {
  while (anything()) {
    request_slot& slot = view_.request(head_);
    std::uint64_t ready = request_word(head_, request_phase::ready);
    const bool mine = slot.word.compare_exchange_strong(ready, request_word(head_, request_phase::taken),
                                                        std::memory_order_acq_rel, std::memory_order_relaxed);
    ++head_;
    if (!mine) continue;
    id_ = slot.id;
    view_.header().running.store(id_, std::memory_order_relaxed);
    return taken_job{slot.id,
                     slot.flags,
                     slot.buffers,
                     {slot.bytes, slot.thunk_bytes},
                     {slot.bytes + slot.thunk_bytes, slot.payload_bytes},
                     slot.offset,
                     slot.length};
  }
  return std::nullopt;
}

std::optional<taken_job> job_ring_end::wait_take() noexcept {
  ring_header& header = view_.header();
  for (;;) {
    if (auto job = try_take()) return job;
    if (header.closing.load(std::memory_order_acquire) != 0) return std::nullopt;
    const auto news = [&] { return anything() || header.closing.load(std::memory_order_relaxed) != 0; };
    if (patience_.poll(news)) continue;
    header.asleep.store(1, std::memory_order_seq_cst);
    if (header.announced.load(std::memory_order_seq_cst) <= head_ &&
        header.closing.load(std::memory_order_seq_cst) == 0) {
      ++sleeps_;
      while (header.asleep.load(std::memory_order_acquire) == 1) shared_wait(header.asleep, 1);
      patience_.slept(std::chrono::steady_clock::now());
    }
    header.asleep.store(0, std::memory_order_relaxed);
  }
}

bool job_ring_end::stop_requested() const noexcept {
  return view_.request(head_ - 1).stop.load(std::memory_order_acquire) != 0;
}

bool job_ring_end::wait_for_stop(std::chrono::nanoseconds limit) const noexcept {
  const timespec time{static_cast<time_t>(limit.count() / 1'000'000'000), limit.count() % 1'000'000'000};
  if (!stop_requested()) shared_wait(view_.request(head_ - 1).stop, 0, &time);
  return stop_requested();
}

std::span<std::byte> job_ring_end::reply_room() noexcept { return view_.reply(replies_).bytes; }

void job_ring_end::publish(std::uint64_t offset, std::uint64_t length, std::uint32_t payload_bytes, std::uint32_t flags,
                           std::uint32_t buffers) noexcept {
  reply_slot& slot = view_.reply(replies_);
  slot.id = id_;
  slot.offset = offset;
  slot.length = length;
  slot.flags = flags;
  slot.payload_bytes = payload_bytes;
  slot.buffers = buffers;
  view_.header().running.store(0, std::memory_order_relaxed);
  slot.word.store(++replies_, std::memory_order_seq_cst);
}

void job_ring_end::complete(std::uint32_t payload_bytes, std::uint32_t flags, std::uint32_t buffers) noexcept {
  publish(0, 0, payload_bytes, flags, buffers);
}

void job_ring_end::complete_in_area(std::uint64_t offset, std::uint64_t length, std::uint32_t flags,
                                    std::uint32_t buffers) noexcept {
  publish(offset, length, 0, flags, buffers);
}

} // namespace weir::detail

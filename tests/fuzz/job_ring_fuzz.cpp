// Input: what a worker does to the memory that it shares with its parent, as pairs of (where, what), between calls of
// the parent. Whatever it is: a verdict, never harm; and never a reply to a job that was retracted or not asked for.

#include "offload/process/arena.hpp"
#include "offload/process/job_ring.hpp"
#include "offload/process/packed_call.hpp"
#include "offload/process/result_area.hpp"
#include "offload/process/unpacked_reply.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/offload/detail/reply.hpp>
#include <weir/offload/shared_buffer.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

using namespace weir;
using namespace weir::detail;

namespace {

constexpr std::size_t area_bytes = 1 << 16;

void must(bool holds) {
  if (!holds) std::abort();
}

void take_apart(const ring_reply& reply, result_area& area, const packed_call& call) {
  unpacked_reply opened(reply, area, call, unpacked_reply::worker::hostile);
  if (opened.broken_because()) return;
  opened.read([](std::span<const std::byte> bytes) {
    try {
      using result = std::vector<std::pair<shared_buffer, mutable_buffer>>;
      for (auto& [seen, owned] : read_reply<result>(bytes, {.max_elements = 4096, .max_memory_bytes = 1 << 20})) {
        unsigned sum = 0;
        for (const std::byte b : seen) sum += static_cast<unsigned>(b);
        for (std::byte& b : owned) b = static_cast<std::byte>(sum);
      }
    } catch (const std::exception&) {
    } catch (const cancelled&) {}
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto memory = arena::make(1 << 20);
  static const auto sent = memory->make_block(5000);
  job_ring ring(4);
  const auto area = result_area::make(ring, area_bytes);
  auto worker_area = shared_region::attach(area->descriptor(), area_bytes, shared_region::access::read_write);
  packed_call call(memory, {}, [](encoder&) { buffer_transfer::current()->place(sent, false); });
  std::set<std::uint64_t> asked;
  std::uint64_t id = 0;
  ring_reply reply;
  for (; size >= 12; data += 12, size -= 12) {
    std::uint16_t where;
    std::uint64_t what;
    std::memcpy(&where, data + 1, sizeof where);
    std::memcpy(&what, data + 4, sizeof what);
    // The worker: a word of the rings, or of its area.
    const auto mapped = data[0] & 0x80 ? std::span(worker_area.data(), area_bytes) : ring.mapped();
    std::memcpy(mapped.data() + where % (mapped.size() / 8) * 8, &what, 8);
    // The parent.
    switch (data[0] & 0x07) {
    case 0:
    case 1:
      if (ring.push(call.request(id + 1, 0, *area))) asked.insert(++id);
      ring.notify();
      break;
    case 2:
      if (ring.retract(what % (id + 2))) must(asked.erase(what % (id + 2)) == 1);
      break;
    case 3:
      ring.cancel(what % (id + 2));
      break;
    default:
      if (ring.pop(reply) == job_ring::verdict::reply) {
        must(asked.erase(reply.id) == 1 && reply.payload_bytes <= inline_bytes);
        take_apart(reply, *area, call);
      }
    }
    must(ring.outstanding() == asked.size() && ring.outstanding() <= 4);
  }
  must(area->held() == 0);
  return 0;
}

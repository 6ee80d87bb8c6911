#include "offload/process/pool_worker.hpp"

#include <tuple>

namespace weir::detail {

namespace {

auto fields(const sandbox_options& s) {
  return std::tie(s.read_only_paths, s.memory_limit_bytes, s.cpu_limit, s.max_file_bytes, s.max_descriptors,
                  s.allow_threads, s.one_shot, s.required);
}

/// The function's name goes before the arguments where it is too long for the place beside them (a library's path).
constexpr std::size_t max_name_bytes = 100;

} // namespace

worker_profile::worker_profile(const process_options& options)
    : sandbox(options.sandbox), memory_limit_bytes(options.memory_limit_bytes) {
  if (sandbox && memory_limit_bytes != 0) sandbox->memory_limit_bytes = memory_limit_bytes;
}

bool worker_profile::operator==(const worker_profile& other) const noexcept {
  if (memory_limit_bytes != other.memory_limit_bytes || sandbox.has_value() != other.sandbox.has_value()) return false;
  return !sandbox || fields(*sandbox) == fields(*other.sandbox);
}

std::uint64_t worker_profile::memory_limit() const noexcept {
  return sandbox ? sandbox->memory_limit_bytes : memory_limit_bytes;
}

static std::span<const std::byte> name_beside(encoder& room, const function_name& name) {
  room.put(name);
  return room.size_bytes() <= max_name_bytes ? room.bytes() : std::span<const std::byte>();
}

static packed_call pack(const process_job& call, const std::shared_ptr<arena>& where) {
  std::byte place[max_name_bytes];
  encoder name(place, encoder::when_full::count);
  const auto beside = name_beside(name, call.entry());
  return packed_call(where, beside, [&](encoder& out) {
    if (beside.empty()) out.put(call.entry());
    call.encode(out);
  });
}

pool_job::pool_job(process_job& c, std::string called, std::uint64_t n, const std::shared_ptr<arena>& where)
    : call(&c), number(n), rank(-c.options().priority, n), label(std::move(called)), profile(c.options()),
      packed(pack(c, where)) {}

pool_worker::pool_worker(worker_profile kind, std::uint32_t depth)
    : profile(std::move(kind)), ring(depth),
      area(result_area::make(ring, std::size_t{1} << 32)), // address space; pages come as they are touched
      born(clock::now()), idle_since(born), last_reply(born) {}

void pool_worker::end() noexcept {
  if (!process) return;
  try {
    process.drain_output();
  } catch (...) {}
  process.kill();
}

pool_job* pool_worker::begun() const noexcept {
  for (const auto& job : jobs)
    if (ring.started(job->number)) return job.get();
  return nullptr;
}

} // namespace weir::detail

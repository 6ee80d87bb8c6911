#include "offload/transport.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::detail;
using namespace weir::testing_offload;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

errc code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const error& e) {
    return e.code();
  }
  return errc::internal;
}

void touch(const block_handle& block) { std::memset(block->bytes().data(), 1, block->bytes().size()); }

TEST(buddy, gives_blocks_that_do_not_overlap) {
  buddy books(64 * mib);
  std::mt19937 random(1);
  std::map<std::size_t, std::size_t> held;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 3 != 0 || held.empty()) {
      const std::size_t size = std::size_t{1} << (random() % 23);
      if (const auto offset = books.allocate(size)) {
        ASSERT_EQ(*offset % buddy::block_bytes(size), 0u);
        ASSERT_LE(*offset + size, 64 * mib);
        const auto [at, fresh] = held.emplace(*offset, size);
        ASSERT_TRUE(fresh);
        if (std::next(at) != held.end()) ASSERT_LE(*offset + size, std::next(at)->first);
        if (at != held.begin()) ASSERT_LE(std::prev(at)->first + std::prev(at)->second, *offset);
      }
    } else {
      const auto which = std::next(held.begin(), static_cast<long>(random() % held.size()));
      books.release(which->first, which->second);
      held.erase(which);
    }
    if (i % 1000 == 0)
      for (const auto& idle : books.trim())
        for (const auto& [offset, size] : held)
          ASSERT_TRUE(idle.offset + idle.length <= offset || offset + size <= idle.offset);
  }
  for (const auto& [offset, size] : held) books.release(offset, size);
  books.trim();
  EXPECT_EQ(books.allocate(64 * mib), 0u); // all of it is one again
  EXPECT_FALSE(books.allocate(1));
}

TEST(buddy, gives_out_first_what_was_used_last) {
  buddy books(mib);
  const auto first = books.allocate(5000), second = books.allocate(5000);
  EXPECT_EQ(buddy::block_bytes(5000), 8192u);
  EXPECT_EQ(buddy::block_bytes(4096), 4096u);
  EXPECT_EQ(buddy::block_bytes(4097), 8192u);
  EXPECT_EQ(buddy::block_bytes(0), 4096u);
  books.release(*first, 5000);
  books.release(*second, 5000);
  EXPECT_EQ(books.kept_bytes(), 16'384u);
  EXPECT_EQ(books.allocate(6000), second);
  EXPECT_EQ(books.allocate(8192), first);
  EXPECT_EQ(books.kept_bytes(), 0u);
  EXPECT_FALSE(books.allocate(2 * mib));
}

TEST(arena, counts_what_is_in_use_and_refuses_more_than_its_cap) {
  const auto memory = arena::make(10 * mib);
  std::vector<block_handle> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(memory->make_block(3 * mib - 100));
  EXPECT_EQ(memory->use().in_use_bytes, 9 * mib);
  EXPECT_EQ(memory->use().cap_bytes, 10 * mib);
  EXPECT_EQ(code_of([&] { memory->make_block(11 * mib); }), errc::too_large);
  EXPECT_EQ(code_of([&] { memory->make_block(~std::size_t{0}); }), errc::too_large);
  EXPECT_EQ(code_of([&] { memory->make_block(2 * mib); }), errc::unavailable);
  blocks.pop_back();
  EXPECT_EQ(memory->use().in_use_bytes, 6 * mib);
  EXPECT_EQ(memory->make_block(2 * mib)->bytes().size(), 2 * mib);
  EXPECT_EQ(memory->use().in_use_bytes, 6 * mib);
  EXPECT_EQ(memory->use().high_water_bytes, 9 * mib);
}

TEST(arena, memory_is_there_once_touched_and_goes_back_when_idle) {
  const auto memory = arena::make(64 * mib);
  EXPECT_EQ(memory->region().resident_bytes(), 0u);
  auto large = memory->make_block(10 * mib), small = memory->make_block(mib);
  EXPECT_EQ(memory->region().resident_bytes(), 0u);
  touch(large);
  touch(small);
  EXPECT_EQ(memory->region().resident_bytes(), 11 * mib);
  const std::byte* where = large->bytes().data();
  large.reset();
  EXPECT_EQ(memory->region().resident_bytes(), 11 * mib); // kept warm
  large = memory->make_block(10 * mib);
  EXPECT_EQ(large->bytes().data(), where);
  large.reset();
  memory->trim();
  EXPECT_EQ(memory->region().resident_bytes(), mib);
  EXPECT_EQ(small->bytes()[mib - 1], std::byte{1});
}

TEST(arena, what_is_kept_warm_never_takes_it_beyond_its_cap) {
  const auto memory = arena::make(32 * mib);
  for (int round = 0; round < 5; ++round)
    for (std::size_t size = 4096; size <= 32 * mib; size *= 2) {
      std::vector<block_handle> blocks;
      for (std::size_t i = 0; i < 32 * mib / size && i < 16; ++i) touch(blocks.emplace_back(memory->make_block(size)));
      ASSERT_LE(memory->region().resident_bytes(), 32 * mib);
    }
}

TEST(arena, may_be_used_by_many_threads) {
  const auto memory = arena::make(64 * mib);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      std::vector<block_handle> held;
      for (int i = 0; i < 2000; ++i) {
        auto block = memory->make_block(1 + random() % 100'000);
        std::memset(block->bytes().data(), t, block->bytes().size());
        held.push_back(std::move(block));
        if (held.size() > 20) {
          const auto which = random() % held.size();
          const auto bytes = held[which]->bytes();
          ASSERT_TRUE(std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == std::byte(t); }));
          held.erase(held.begin() + static_cast<long>(which));
        }
        if (i % 500 == 0) memory->trim();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(memory->use().in_use_bytes, 0u);
}

TEST(arena, a_worker_can_only_read_it) {
  const auto memory = arena::make(mib);
  const auto block = memory->make_block(4096);
  touch(block);
  other_process worker([&] {
    const int fd = memory->reader_descriptor();
    const std::size_t size = memory->region().size_bytes();
    // What the parent has mapped for writing is not here.
    if (::msync(memory->region().data(), size, MS_ASYNC) == 0 || errno != ENOMEM) ::_exit(8);
    if (::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) ::_exit(1);
    void* seen = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (seen == MAP_FAILED || static_cast<const std::byte*>(seen)[block->offset()] != std::byte{1}) ::_exit(2);
    if (::mprotect(seen, size, PROT_READ | PROT_WRITE) == 0) ::_exit(3);
    if (::pwrite(fd, "x", 1, 0) >= 0) ::_exit(4);
    if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0) ::_exit(5);
    if (::madvise(seen, size, MADV_REMOVE) == 0) ::_exit(6);
    if (::ftruncate(fd, 0) == 0 || ::ftruncate(memory->region().descriptor(), 0) == 0) ::_exit(7);
  });
  EXPECT_EQ(worker.join(), 0);
  EXPECT_EQ(block->bytes()[0], std::byte{1});
}

TEST(result_area, adopts_only_what_can_be) {
  job_ring ring;
  const auto area = result_area::make(ring, mib);
  EXPECT_FALSE(area->adopt(mib, 1));
  EXPECT_FALSE(area->adopt(0, mib + 1));
  EXPECT_FALSE(area->adopt(4096, mib));
  EXPECT_FALSE(area->adopt(~0ull - 4095, 8192));
  EXPECT_FALSE(area->adopt(4096, ~0ull));
  EXPECT_FALSE(area->adopt(5, 10));
  EXPECT_FALSE(area->adopt(4096, 0));
  auto block = area->adopt(8192, 5000);
  ASSERT_TRUE(block);
  EXPECT_FALSE(area->adopt(8192, 10));
  EXPECT_FALSE(area->adopt(4096, 4097));
  EXPECT_FALSE(area->adopt(0, mib));
  EXPECT_FALSE(area->adopt(12'288, 10)); // the rest of its last page
  EXPECT_TRUE(area->adopt(16'384, 10));
  EXPECT_TRUE(area->adopt(4096, 4096));
  block.reset();
  EXPECT_TRUE(area->adopt(8192, 5000));
  EXPECT_EQ(area->held(), 0u);
}

TEST(result_area, tells_the_worker_what_went_even_when_its_list_is_full) {
  job_ring ring;
  const auto area = result_area::make(ring, 8 * mib);
  ring_returns& returns = ring.view().returns();
  std::vector<block_handle> blocks;
  for (std::size_t i = 0; i < 1000; ++i) blocks.push_back(area->adopt(i * 4096, 4096));
  blocks.clear();
  EXPECT_EQ(returns.written.load(), ring_returns::capacity);
  std::vector<bool> told(1000);
  std::uint64_t read = 0;
  for (int i = 0; i < 10; ++i) {
    for (; read < returns.written.load(); ++read)
      told[returns.offsets[read % ring_returns::capacity].load() / 4096] = true;
    returns.read = read;
    area->flush();
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), true), 1000);
  // A worker that counts wrongly is not told more: its own loss.
  returns.read = 1ull << 60;
  area->adopt(0, 4096).reset();
  EXPECT_EQ(returns.written.load(), 1000u);
}

ring_reply reply_with(std::vector<buffer_entry> entries, std::uint32_t buffers) {
  ring_reply reply;
  if (!entries.empty()) std::memcpy(reply.bytes.data(), entries.data(), entries.size() * sizeof(buffer_entry));
  reply.payload_bytes = static_cast<std::uint32_t>(entries.size() * sizeof(buffer_entry));
  reply.buffers = buffers;
  return reply;
}

TEST(unpacked_reply, refuses_what_a_worker_cannot_have) {
  job_ring ring;
  const auto area = result_area::make(ring, mib);
  const auto memory = arena::make(mib);
  const auto sent = memory->make_block(5000);
  packed_call call(memory, {}, [&](encoder&) { buffer_transfer::current()->place(sent, true); });
  call.request(1, 0, *area);
  const auto why = [&](const ring_reply& reply) {
    const unpacked_reply opened(reply, *area, call, unpacked_reply::worker::hostile);
    return opened.broken_because() != nullptr;
  };
  using enum buffer_entry::where;
  EXPECT_FALSE(why(reply_with({}, 0)));
  EXPECT_FALSE(why(reply_with({{in_arena, sent->offset(), 5000}, {in_area, 4096, 10}}, 2)));
  EXPECT_TRUE(why(reply_with({{in_area, 4096, 10}}, 2)));
  EXPECT_TRUE(why(reply_with({{in_area, 4096, 10}}, ~0u)));
  EXPECT_TRUE(why(reply_with({{in_arena, sent->offset(), 5001}}, 1)));
  EXPECT_TRUE(why(reply_with({{in_arena, sent->offset() + 8192, 10}}, 1)));
  EXPECT_TRUE(why(reply_with({{in_arena, sent->offset(), 5000}, {in_arena, sent->offset(), 5000}}, 2)));
  EXPECT_TRUE(why(reply_with({{in_area, 4096, 10}, {in_area, 4096, 10}}, 2)));
  EXPECT_TRUE(why(reply_with({{in_area, mib, 10}}, 1)));
  EXPECT_TRUE(why(reply_with({{7, 4096, 10}}, 1)));
  ring_reply far;
  far.area_offset = mib - 4096;
  far.area_length = 4097;
  EXPECT_TRUE(why(far));
  far.area_length = 4096;
  EXPECT_FALSE(why(far));
  far.buffers = 171; // of 24 bytes each: more than there are
  EXPECT_TRUE(why(far));
  EXPECT_EQ(area->held(), 0u);
  // Nothing that was lent for reading, or taken already, is had exclusively.
  unpacked_reply opened(reply_with({{in_arena, sent->offset(), 5000}, {in_area, 4096, 10}, {in_area, 8192, 10}}, 3),
                        *area, call, unpacked_reply::worker::hostile);
  EXPECT_FALSE(opened.find(0, true));
  EXPECT_TRUE(opened.find(0, false));
  EXPECT_TRUE(opened.find(1, true));
  EXPECT_FALSE(opened.find(1, true));
  EXPECT_FALSE(opened.find(1, false));
  EXPECT_TRUE(opened.find(2, false));
  EXPECT_FALSE(opened.find(2, true));
  EXPECT_FALSE(opened.find(3, false));
}

TEST(packed_call, small_ones_stay_in_the_slot_and_large_ones_need_no_table_of_their_own) {
  const auto memory = arena::make(mib);
  job_ring ring;
  const auto area = result_area::make(ring, mib);
  const std::string small(100, 's'), large(300, 'l');
  const packed_call one(memory, {}, [&](encoder& out) { out.put(small); });
  EXPECT_EQ(one.arena_bytes(), 0u);
  packed_call two(memory, {}, [&](encoder& out) { out.put(large); });
  EXPECT_EQ(two.arena_bytes(), 4096u);
  EXPECT_EQ(two.request(1, 0, *area).payload.size(), 0u);
  EXPECT_GT(two.request(1, 0, *area).arena_length, 300u);
  EXPECT_EQ(code_of([&] { packed_call(memory, {}, [](encoder& out) { out.put(std::string(2 * mib, 'x')); }); }),
            errc::too_large);
  int calls = 0;
  EXPECT_EQ(code_of([&] { packed_call(memory, {}, [&](encoder& out) { out.put(std::string(300 + calls++, 'x')); }); }),
            errc::invalid_argument);
}

// A worker scribbles over all that it can write while the parent takes its replies apart.
TEST(unpacked_reply, survives_a_worker_that_scribbles_everywhere) {
  const auto memory = arena::make(8 * mib);
  std::uint64_t replies = 0, opened_well = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  for (unsigned round = 1; std::chrono::steady_clock::now() < until; ++round) {
    one_worker worker(
        memory,
        [&](worker_side& side) {
          std::uint64_t state = round * 0x9E3779B97F4A7C15u;
          const auto random = [&] { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; };
          auto region = shared_region::attach(worker.area->descriptor(), mib, shared_region::access::read_write);
          auto* words = reinterpret_cast<volatile std::uint64_t*>(region.data());
          const auto scribble = [&] {
            for (int i = 0; i < 200; ++i) words[random() % 4096] = random() % 8 == 0 ? random() : random() % 6 * 4096;
          };
          while (auto job = side.ring.wait_take()) {
            scribble();
            for (std::byte& b : side.ring.reply_room()) b = static_cast<std::byte>(random() % 4);
            const auto buffers = static_cast<std::uint32_t>(random() % 4);
            if (random() % 2 == 0)
              side.ring.complete(static_cast<std::uint32_t>(random() % 300), 0, buffers);
            else
              side.ring.complete_in_area(random() % 8 * 4096, random() % 20'000, 0, buffers);
            side.rope.ring();
            scribble();
          }
        },
        {}, mib);
    const auto block = memory->make_block(5000);
    try {
      for (int i = 0; i < 300; ++i) {
        packed_call call(memory, {}, [&](encoder&) { buffer_transfer::current()->place(block, false); });
        worker.ring.push(call.request(++worker.id, 0, *worker.area));
        worker.ring.notify();
        ring_reply reply;
        worker.wait(reply);
        ++replies;
        unpacked_reply opened(reply, *worker.area, call, unpacked_reply::worker::hostile);
        if (opened.broken_because()) continue;
        ++opened_well;
        opened.read([](std::span<const std::byte> bytes) {
          try {
            using result = std::vector<std::pair<shared_buffer, std::string>>;
            for (const auto& [buffer, text] : read_reply<result>(bytes, {.max_memory_bytes = mib}))
              for (const std::byte b : buffer) [[maybe_unused]]
                volatile std::byte seen = b;
          } catch (const std::exception&) {
          } catch (const cancelled&) {}
        });
      }
    } catch (const one_worker::broken&) {}
  }
  EXPECT_GT(replies, 100u);
  EXPECT_GT(opened_well, 10u);
}

} // namespace

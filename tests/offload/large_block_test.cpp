// Arrays that are large enough to be copied and aligned in ways of their own, in this process and through a worker.
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/detail/large_block.hpp>
#include <weir/offload/processpool.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::detail;

namespace {

struct sample {
  double time;
  float left, right;
  bool operator==(const sample&) const = default;
};
static_assert(bulk<sample>);

template <class Whole>
Whole numbered(std::size_t size) {
  Whole all(size, typename Whole::value_type());
  for (std::size_t i = 0; i < size; ++i) all[i] = static_cast<typename Whole::value_type>(i * 0x9E3779B97F4A7C15 >> 56);
  return all;
}
template <>
std::vector<sample> numbered(std::size_t size) {
  std::vector<sample> all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = {double(i), float(i % 1000), -float(i % 777)};
  return all;
}

/// The encoding of `value` at an address that is `offset` more than a multiple of a page.
template <class T>
struct encoded_at {
  encoded_at(const T& value, std::size_t offset) {
    encoder counter(std::span<std::byte>(), encoder::when_full::count);
    counter.put(value);
    room.reset(new (std::align_val_t(4096)) std::byte[counter.size_bytes() + offset]);
    bytes = {room.get() + offset, counter.size_bytes()};
    encoder out(bytes, encoder::when_full::count);
    out.put(value);
    EXPECT_TRUE(out.complete());
  }
  struct release {
    void operator()(std::byte* at) const { ::operator delete[](at, std::align_val_t(4096)); }
  };
  std::unique_ptr<std::byte[], release> room;
  std::span<std::byte> bytes;
};

template <class T>
T decoded(std::span<const std::byte> bytes) {
  decoder in(bytes);
  T value = in.get<T>();
  in.finish();
  return value;
}

template <class Whole>
void expect_sizes(std::initializer_list<std::size_t> sizes_bytes) {
  constexpr std::size_t each = sizeof(typename Whole::value_type);
  for (const std::size_t bytes : sizes_bytes) {
    const auto sent = numbered<Whole>(bytes / each);
    for (const std::size_t offset : {0, 1, 8}) {
      const encoded_at<Whole> there(sent, offset);
      EXPECT_TRUE(decoded<Whole>(there.bytes) == sent) << type_name<Whole>() << ", " << bytes << " at " << offset;
    }
  }
}
template <class Whole>
void expect_small_sizes() {
  constexpr std::size_t each = sizeof(typename Whole::value_type);
  expect_sizes<Whole>({aligned_array_bytes - each, aligned_array_bytes, aligned_array_bytes + each, 100'000});
}

template <class T>
std::string refusal_of(std::span<const std::byte> bytes) {
  try {
    decoded<T>(bytes);
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::corrupt);
    return e.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

std::vector<sample> turn_round(std::vector<sample> all) {
  std::reverse(all.begin(), all.end());
  return all;
}
std::string longer(std::string text) { return text + text.substr(0, text.size() / 2); }
std::vector<std::byte> half(const std::vector<std::byte>& all, const std::vector<std::byte>&) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2)};
}

/// Says that more follows than does.
struct liar {
  std::uint64_t count = 0;
};
std::vector<liar> lie(std::uint64_t count) { return {liar{count}}; }

} // namespace

template <>
struct weir::codec<liar> {
  static void encode(encoder& out, const liar& value) {
    out.write_length(value.count);
    out.put(std::uint64_t{0});
  }
  static liar decode(decoder& in) { return {in.get<std::vector<std::uint32_t>>().size()}; }
};

namespace {

TEST(large_block, a_streamed_copy_is_whole_at_any_address) {
  const auto from = numbered<std::vector<unsigned char>>(4096);
  for (std::size_t to_offset = 0; to_offset < 65; ++to_offset)
    for (const std::size_t size : {0, 1, 63, 64, 65, 200, 1024, 3000}) {
      std::vector<unsigned char> to(4096, 0xee);
      const std::size_t from_offset = to_offset * 7 % 61;
      stream_block(to.data() + to_offset, from.data() + from_offset, size);
      ASSERT_TRUE(std::equal(to.begin() + static_cast<std::ptrdiff_t>(to_offset),
                             to.begin() + static_cast<std::ptrdiff_t>(to_offset + size),
                             from.begin() + static_cast<std::ptrdiff_t>(from_offset)));
      ASSERT_EQ(std::count(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(to_offset), 0xee),
                static_cast<std::ptrdiff_t>(to_offset));
      ASSERT_EQ(std::count(to.begin() + static_cast<std::ptrdiff_t>(to_offset + size), to.end(), 0xee),
                static_cast<std::ptrdiff_t>(4096 - to_offset - size));
    }
}

TEST(large_block, expecting_a_block_changes_nothing_in_and_around_it) {
  auto block = numbered<std::vector<unsigned char>>(huge_block_bytes + 100);
  const auto before = block;
  expect_block(block.data() + 3, huge_block_bytes);
  EXPECT_TRUE(block == before);
  expect_block(block.data(), 1);
}

TEST(large_block, arrays_of_all_sizes_come_back) {
  expect_small_sizes<std::vector<std::byte>>();
  expect_small_sizes<std::vector<std::uint32_t>>();
  expect_small_sizes<std::vector<sample>>();
  expect_small_sizes<std::string>();
  expect_small_sizes<std::u16string>();
  expect_sizes<std::vector<sample>>({huge_block_bytes, streamed_bytes - 16, streamed_bytes + 16});
  expect_sizes<std::string>(
      {huge_block_bytes - 1, huge_block_bytes, streamed_bytes - 1, streamed_bytes, streamed_bytes + 5});
}

TEST(large_block, large_arrays_lie_where_their_elements_can_be_read) {
  const auto sent = std::pair(std::string("odd"), numbered<std::vector<double>>(1000));
  const encoded_at<decltype(sent)> there(sent, 0);
  const auto* first = reinterpret_cast<const std::byte*>(sent.second.data());
  const auto found = std::search(there.bytes.begin(), there.bytes.end(), first, first + 8000);
  ASSERT_NE(found, there.bytes.end());
  EXPECT_EQ((found - there.bytes.begin()) % 64, 16);
}

TEST(large_block, a_gap_that_lies_is_refused) {
  const auto sent = numbered<std::vector<std::uint32_t>>(1000);
  const encoded_at<decltype(sent)> there(sent, 0);
  ASSERT_LT(there.bytes[9], std::byte{64});
  there.bytes[9] = std::byte{64};
  EXPECT_NE(refusal_of<std::vector<std::uint32_t>>(there.bytes).find("a gap of 64 bytes"), std::string::npos);
  there.bytes[9] = std::byte{63}; // more than there was: the end is missing
  EXPECT_NE(refusal_of<std::vector<std::uint32_t>>(there.bytes).find("needs 4000 bytes"), std::string::npos);
  EXPECT_NE(refusal_of<std::vector<std::uint32_t>>(there.bytes.first(9)).find("1000 elements"), std::string::npos);
}

TEST(large_block, memory_that_fits_is_used_again) {
  const auto sent = numbered<std::vector<std::uint32_t>>(100'000);
  const encoded_at<std::vector<std::uint32_t>> there(sent, 0);
  const auto read_into = [&](std::size_t size) {
    std::vector<std::uint32_t> spare(size, 7);
    decoder in(there.bytes);
    const auto value = wire<std::vector<std::uint32_t>>::decode(in, std::move(spare));
    EXPECT_TRUE(value == sent) << size;
    return value.capacity();
  };
  EXPECT_EQ(read_into(150'000), 150'000U);
  EXPECT_EQ(read_into(100'000), 100'000U);
  EXPECT_EQ(read_into(99'999), 100'000U);
  EXPECT_EQ(read_into(1'000'000), 100'000U); // it would keep ten times what is needed
}

TEST(large_block, large_values_travel_through_a_worker) {
  run([]() -> task<void> {
    for (const std::size_t bytes : {std::size_t{5000}, std::size_t{300'000}, huge_block_bytes, streamed_bytes + 48}) {
      const auto samples = numbered<std::vector<sample>>(bytes / sizeof(sample));
      auto moved = samples;
      const auto back = co_await run_in_processpool(turn_round, std::move(moved));
      EXPECT_TRUE(std::equal(back.begin(), back.end(), samples.rbegin(), samples.rend())) << bytes;
      const auto text = numbered<std::string>(bytes);
      EXPECT_TRUE(co_await run_in_processpool(longer, text) == text + text.substr(0, text.size() / 2)) << bytes;
      const auto a = numbered<std::vector<std::byte>>(bytes), b = numbered<std::vector<std::byte>>(bytes / 2);
      const auto first_half = co_await run_in_processpool(half, a, b); // which of them it is read into does not matter
      EXPECT_TRUE(std::equal(first_half.begin(), first_half.end(), a.begin())) << bytes;
      EXPECT_EQ(first_half.size(), bytes / 2);
    }
  }());
}

TEST(large_block, large_values_travel_through_a_sandboxed_worker) {
  if (!probe_sandbox().sufficient()) GTEST_SKIP() << to_string(probe_sandbox());
  run([]() -> task<void> {
    const auto samples = numbered<std::vector<sample>>((streamed_bytes + 48) / sizeof(sample));
    const auto back = co_await run_in_processpool({.sandbox = sandbox_options()}, turn_round, samples);
    EXPECT_TRUE(std::equal(back.begin(), back.end(), samples.rbegin(), samples.rend()));
  }());
}

TEST(large_block, a_worker_that_lies_about_a_length_fails_that_call_alone) {
  run([]() -> task<void> {
    const int worker = co_await run_in_processpool(::getpid);
    for (const std::uint64_t count :
         {std::uint64_t{3}, std::uint64_t{1} << 26, std::uint64_t{1} << 61, ~std::uint64_t{0}})
      try {
        co_await run_in_processpool(lie, count);
        ADD_FAILURE() << "believed " << count;
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::corrupt);
        EXPECT_NE(std::string(e.what()).find(std::to_string(count) + " elements"), std::string::npos) << e.what();
      }
    EXPECT_EQ(co_await run_in_processpool(::getpid), worker);
  }());
}

} // namespace

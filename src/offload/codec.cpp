#include <weir/core/error.hpp>
#include <weir/offload/decoder.hpp>
#include <weir/offload/encoder.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

namespace weir {

namespace {

constexpr std::uint8_t long_length = 255;

} // namespace

encoder::~encoder() {
  if (on_heap_) std::free(data_);
}

bool encoder::make_room(std::size_t more) {
  if (policy_ == when_full::count) return false;
  const std::size_t capacity = std::max({size_ + more, capacity_ * 2, std::size_t{256}});
  void* bigger = std::realloc(on_heap_ ? data_ : nullptr, capacity);
  if (bigger == nullptr) throw std::bad_alloc();
  if (!on_heap_ && size_ != 0) std::memcpy(bigger, data_, size_);
  data_ = static_cast<std::byte*>(bigger);
  capacity_ = capacity;
  on_heap_ = true;
  return true;
}

void encoder::write_length(std::size_t count) {
  std::uint8_t bytes[1 + sizeof count] = {long_length};
  if (count < long_length) {
    bytes[0] = static_cast<std::uint8_t>(count);
    write(bytes, 1);
    return;
  }
  std::memcpy(bytes + 1, &count, sizeof count);
  write(bytes, sizeof bytes);
}

void encoder::align_array() {
  using detail::array_alignment;
  constexpr std::byte gap[array_alignment] = {};
  const auto wide = static_cast<std::uint8_t>((detail::array_offset - (size_ + 1) % array_alignment + array_alignment) %
                                              array_alignment);
  write(&wide, 1);
  write(gap, wide);
}

void encoder::too_deep() {
  --depth_; // the level that throws has no destructor call
  throw error(errc::invalid_argument, "A value that holds values more than " + std::to_string(max_depth) +
                                          " deep cannot be sent to a worker process. Send it as a flat list.");
}

void decoder::finish() const {
  if (left_.empty()) return;
  throw error(errc::corrupt, "The received bytes are damaged: " + std::to_string(left_.size()) + " of " +
                                 std::to_string(whole_bytes_) + " bytes are left after the last value.");
}

std::size_t decoder::read_length(std::string_view type, std::size_t least_bytes, std::size_t memory_bytes) {
  std::uint8_t small = 0;
  read(&small, 1, type);
  std::size_t count = small;
  if (small == long_length) read(&count, sizeof count, type);
  if (least_bytes != 0 && count > left_.size() / least_bytes)
    fail(type, "says that it has " + std::to_string(count) + " elements, but only " + std::to_string(left_.size()) +
                   " bytes are left");
  if (memory_bytes == 0) return count;
  if (count > limits_.max_elements - elements_)
    fail(type, "says that it has " + std::to_string(count) + " elements; all containers together may have " +
                   std::to_string(limits_.max_elements));
  if (count > (limits_.max_memory_bytes - memory_bytes_) / memory_bytes)
    fail(type, "says that it has " + std::to_string(count) + " elements, which would take more memory than the " +
                   std::to_string(limits_.max_memory_bytes) + " bytes allowed");
  elements_ += count;
  memory_bytes_ += count * memory_bytes;
  return count;
}

void decoder::skip_gap(std::string_view type) {
  std::uint8_t wide = 0;
  read(&wide, 1, type);
  if (wide >= detail::array_alignment)
    fail(type, "has a gap of " + std::to_string(wide) + " bytes before its elements");
  take(wide, type);
}

void decoder::fail(std::string_view type, std::string_view problem) const {
  std::vector<const level*> way;
  for (const level* at = here_; at != nullptr; at = at->up_) way.push_back(at);
  std::string text = "The received bytes are damaged near byte " + std::to_string(whole_bytes_ - left_.size()) + ": ";
  // The outermost and the innermost places tell most; a deep chain repeats itself in between.
  constexpr std::size_t most = 8;
  for (std::size_t i = way.size(); i-- > 0;) {
    if (way.size() > most && i + most / 2 == way.size() - 1) {
      text += "..., ";
      i = most / 2;
      continue;
    }
    text += way[i]->part_;
    if (way[i]->number_ != 0) text += " " + std::to_string(way[i]->number_);
    text += " of ";
    text += way[i]->type_;
    text += ", ";
  }
  text += type;
  text += " ";
  text += problem;
  text += ".";
  throw error(errc::corrupt, text);
}

void decoder::too_short(std::size_t size, std::string_view type) const {
  fail(type, "needs " + std::to_string(size) + (size == 1 ? " byte" : " bytes") + ", but " +
                 std::to_string(left_.size()) + (left_.size() == 1 ? " is left" : " are left"));
}

void decoder::too_deep(std::string_view type) const {
  fail(type, "is nested deeper than " + std::to_string(limits_.max_depth) + " levels");
}

} // namespace weir

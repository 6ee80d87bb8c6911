#include "offload/process/doorbell.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace weir::detail {

// The page holds one number: odd while the loop sleeps, another one each time.
//
// Nothing is lost, because all four accesses are sequentially consistent: the loop writes the number, then reads the
// rings' reply words; a worker writes its reply word, then reads the number. One of the two sees the other.

namespace {

std::atomic<std::uint64_t>& number(const shared_region& page) noexcept {
  return *reinterpret_cast<std::atomic<std::uint64_t>*>(page.data());
}
constexpr std::size_t page_bytes = 4096;

} // namespace

doorbell::doorbell() : page_(shared_region::make("weir-bell", page_bytes)), reader_(page_.read_only_descriptor()) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw error(errc::unavailable, errno_error(errno, "a pipe for worker processes").what());
  listen_.reset(ends[0]);
  rope_.reset(ends[1]);
}

void doorbell::drain() const noexcept {
  char bytes[256];
  // A worker that writes faster than this reads is not waited for.
  for (int i = 0; i < 16 && ::read(listen_.get(), bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes); ++i) {}
}

void doorbell::sleep() noexcept {
  turn_ |= 1;
  number(page_).store(turn_, std::memory_order_seq_cst);
}

void doorbell::awake() noexcept {
  if (turn_ % 2 == 0) return;
  number(page_).store(++turn_, std::memory_order_relaxed);
}

bell_rope::bell_rope(int page_descriptor, unique_fd rope)
    : page_(shared_region::attach(page_descriptor, page_bytes, shared_region::access::read_only)),
      number_(&number(page_)), rope_(std::move(rope)) {}

bell_rope::bell_rope(const doorbell& here, unique_fd rope) : number_(&number(here.page_)), rope_(std::move(rope)) {}

void bell_rope::ring() noexcept {
  const std::uint64_t turn = number_->load(std::memory_order_seq_cst);
  if (turn % 2 == 0 || turn == rung_) return;
  rung_ = turn;
  const char one = 1;
  // A full pipe wakes the loop as well as a byte more.
  [[maybe_unused]] const auto written = ::write(rope_.get(), &one, 1);
}

} // namespace weir::detail

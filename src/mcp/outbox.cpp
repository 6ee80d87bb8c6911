#include <weir/core/error.hpp>
#include <weir/core/timeout.hpp>

#include <mcp/outbox.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weir::mcp::detail {

outbox::outbox(int fd, std::size_t max_bytes, std::function<void()> on_broken)
    : fd_(fd, stream_fd::direction::out), max_bytes_(max_bytes), on_broken_(std::move(on_broken)) {}

void outbox::push(std::string message, bool needed) {
  if (broken_ || (!needed && is_full())) return;
  message += '\n';
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  has_messages_.set();
}

/// Returns false where the reader has to be waited for.
bool outbox::write_some() {
  constexpr std::size_t max_parts = 64;
  iovec parts[max_parts];
  std::size_t count = std::min(messages_.size(), max_parts);
  for (std::size_t i = 0; i < count; ++i) parts[i] = {messages_[i].data(), messages_[i].size()};
  parts[0].iov_base = messages_[0].data() + offset_;
  parts[0].iov_len -= offset_;

  ssize_t put = fd_.write(parts, static_cast<int>(count));
  if (put < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    broken_ = true;
    messages_.clear();
    bytes_ = 0;
    has_room_.set();
    if (on_broken_) on_broken_();
    return true;
  }
  bytes_ -= static_cast<std::size_t>(put);
  offset_ += static_cast<std::size_t>(put);
  while (!messages_.empty() && offset_ >= messages_.front().size()) {
    offset_ -= messages_.front().size();
    messages_.pop_front();
  }
  if (bytes_ <= max_bytes_ / 2) has_room_.set();
  return true;
}

task<void> outbox::room() {
  while (!broken_ && is_full()) {
    has_room_.reset();
    co_await has_room_.wait();
  }
}

task<void> outbox::write_all() {
  for (;;) {
    while (!messages_.empty())
      if (!write_some()) co_await fd_.ready();
    has_messages_.reset();
    co_await has_messages_.wait();
  }
}

void outbox::write_now() {
  while (!messages_.empty() && write_some()) {}
}

task<void> outbox::drain(std::chrono::milliseconds patience) {
  while (!messages_.empty()) {
    if (write_some()) continue;
    try {
      co_await with_timeout(patience, fd_.ready());
    } catch (const error&) {
      co_return; // nobody reads any more
    }
  }
}

} // namespace weir::mcp::detail

#include "http/upload.hpp"

#include <weir/core/error.hpp>
#include <weir/core/task.hpp>
#include <weir/offload/threadpool.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::http::detail {
namespace {

std::string read_stretch(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd, bytes.data() + got, size - got, static_cast<off_t>(offset + got));
    if (n > 0)
      got += static_cast<std::size_t>(n);
    else if (n == 0)
      throw error(errc::corrupt, "the file to send became shorter while it was being sent");
    else if (errno != EINTR)
      throw errno_error(errno, "the file to send");
  }
  return bytes;
}

} // namespace

bool upload::reads_files() const noexcept {
  return data_ && std::any_of(data_->segments.begin(), data_->segments.end(),
                              [](const body_segment& s) { return static_cast<bool>(s.file); });
}

const std::string* upload::as_one_string() const noexcept {
  return data_ && data_->segments.size() == 1 && !data_->segments.front().file ? &data_->segments.front().bytes
                                                                               : nullptr;
}

const body_segment* upload::segment_at(place& where) const noexcept {
  while (where.segment < data_->segments.size()) {
    const body_segment& s = data_->segments[where.segment];
    if (where.offset < s.length) return &s;
    ++where.segment;
    where.offset = 0;
  }
  return nullptr;
}

std::size_t upload::give(char* into, std::size_t size) noexcept {
  starved_ = false;
  std::size_t given = 0;
  while (given < size) {
    const body_segment* s = segment_at(next_);
    if (!s) break;
    std::size_t n = 0;
    if (!s->file) {
      n = static_cast<std::size_t>(std::min<std::uint64_t>(size - given, s->length - next_.offset));
      std::memcpy(into + given, s->bytes.data() + next_.offset, n);
    } else {
      if (used_ == current_.size()) {
        current_.clear();
        used_ = 0;
        current_.swap(ahead_);
        wanted_.set();
        if (current_.empty()) {
          starved_ = given == 0;
          break;
        }
      }
      n = std::min(size - given, current_.size() - used_);
      std::memcpy(into + given, current_.data() + used_, n);
      used_ += n;
    }
    next_.offset += n;
    given += n;
  }
  return given;
}

bool upload::seek(std::uint64_t position) noexcept {
  if (!data_ || position > data_->length) return false;
  next_ = place{};
  while (next_.segment < data_->segments.size() && position >= data_->segments[next_.segment].length)
    position -= data_->segments[next_.segment++].length;
  next_.offset = position;
  read_ = next_;
  current_.clear();
  ahead_.clear();
  used_ = 0;
  ++generation_;
  wanted_.set();
  return true;
}

task<void> upload::read_ahead(const std::function<void()>& more) {
  for (;;) {
    while (!ahead_.empty() || failure_) {
      wanted_.reset();
      co_await wanted_.wait();
    }
    const body_segment* s = segment_at(read_);
    while (s && !s->file) {
      ++read_.segment;
      read_.offset = 0;
      s = segment_at(read_);
    }
    if (!s) {
      // All is read; only a seek makes more work.
      wanted_.reset();
      co_await wanted_.wait();
      continue;
    }
    const unsigned generation = generation_;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, s->length - read_.offset));
    std::string bytes;
    std::exception_ptr failed;
    try {
      bytes = co_await run_in_threadpool(read_stretch, s->file.get(), s->offset + read_.offset, size);
    } catch (const std::exception&) {
      failed = std::current_exception();
    }
    if (generation != generation_) continue;
    failure_ = failed;
    read_.offset += bytes.size();
    ahead_ = std::move(bytes);
    if (starved_) more();
  }
}

} // namespace weir::http::detail

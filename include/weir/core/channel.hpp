#pragma once

#include <weir/core/detail/async_iterator.hpp>
#include <weir/core/error.hpp>
#include <weir/core/task.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace weir {

/// A bounded queue between tasks of one loop, for any number of senders and receivers: values arrive in the order in
/// which they were sent, and both senders and receivers are served in the order in which they came.
///
///     while (auto value = co_await numbers.receive()) use(*value);
///     for (auto value = co_await numbers.begin(); value != numbers.end(); co_await ++value) use(*value); // the same
///
/// Thread-safety: the loop's thread only.
template <class T>
class channel {
 public:
  /// At most `capacity` values (at least 1) wait in the channel; a sender beyond that waits.
  explicit channel(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  class [[nodiscard]] sender : detail::wait_node {
   public:
    sender(channel& owner, T value) : wait_node(kind), owner_(owner), value_(std::move(value)) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter,
                       std::source_location at = std::source_location::current()) {
      if (!begin(waiter, at)) return false;
      if (!owner_.closed_ && owner_.values_.size() >= owner_.capacity_) {
        owner_.senders_.push_back(*this);
        return true;
      }
      no_wait();
      if (!owner_.closed_) owner_.accept(*this);
      return false;
    }
    void await_resume() const {
      check();
      if (!sent_) throw error(errc::unavailable, "the channel is closed");
    }

   private:
    friend class channel;
    static constexpr detail::wait_kind kind{"room in a channel", &leave_queue};
    channel& owner_;
    T value_;
    bool sent_ = false;
  };

  class [[nodiscard]] receiver : detail::wait_node {
   public:
    explicit receiver(channel& owner) : wait_node(kind), owner_(owner) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter,
                       std::source_location at = std::source_location::current()) {
      if (!begin(waiter, at)) return false;
      if (owner_.values_.empty() && !owner_.closed_) {
        owner_.receivers_.push_back(*this);
        return true;
      }
      no_wait();
      if (!owner_.values_.empty()) owner_.take(value_);
      return false;
    }
    std::optional<T> await_resume() {
      check();
      return std::move(value_);
    }

   private:
    friend class channel;
    static constexpr detail::wait_kind kind{"a value from a channel", &leave_queue};
    channel& owner_;
    std::optional<T> value_;
  };

  /// Waits for room and puts `value` in. Fails: errc::unavailable on a closed channel. Cancellation: nothing is sent.
  sender send(T value) { return sender(*this, std::move(value)); }

  /// Puts `value` in where there is room. Returns whether it did.
  bool try_send(T value) {
    if (closed_ || values_.size() >= capacity_) return false;
    put(std::move(value));
    return true;
  }

  /// Waits for a value. Returns nothing once the channel is closed and empty.
  /// Cancellation: no value is lost. One that was handed over before the cancellation came is returned all the same;
  /// the next wait throws.
  receiver receive() { return receiver(*this); }

  /// Takes a value that is there. Returns nothing where none is.
  std::optional<T> try_receive() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value;
    take(value);
    return value;
  }

  struct ask {
    receiver operator()(channel& from) const { return from.receive(); }
  };
  /// For a loop that receives until the channel is closed and empty.
  auto begin() { return typename detail::async_iterator<channel, ask>::first(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// No more values: waiting senders fail, receivers get what is left and then nothing. Again is harmless.
  void close() noexcept {
    closed_ = true;
    while (!senders_.empty()) senders_.pop_front().finish();
    while (!receivers_.empty()) receivers_.pop_front().finish();
  }

  bool is_closed() const noexcept { return closed_; }
  /// Returns how many values wait in the channel, and how many may.
  std::size_t size() const noexcept { return values_.size(); }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  void accept(sender& from) {
    from.sent_ = true;
    put(std::move(from.value_));
  }
  void put(T value) {
    if (receivers_.empty()) {
      values_.push_back(std::move(value));
      return;
    }
    auto& to = static_cast<receiver&>(receivers_.pop_front());
    to.value_.emplace(std::move(value));
    to.finish();
  }
  void take(std::optional<T>& to) {
    to.emplace(std::move(values_.front()));
    values_.pop_front();
    if (senders_.empty()) return;
    auto& from = static_cast<sender&>(senders_.pop_front());
    accept(from);
    from.finish();
  }

  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  detail::list<detail::wait_node, detail::in_queue> senders_;
  detail::list<detail::wait_node, detail::in_queue> receivers_;
};

} // namespace weir

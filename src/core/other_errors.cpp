#include <weir/core/cancelled.hpp>
#include <weir/core/other_errors.hpp>

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

namespace weir {

namespace {

struct attachment {
  std::exception_ptr first;
  std::vector<std::exception_ptr> others;
};
constexpr std::size_t max_kept = 32;
thread_local std::deque<attachment> kept;

attachment* find(const std::exception_ptr& first) {
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const attachment& a) { return a.first == first; });
  return found == kept.end() ? nullptr : &*found;
}

} // namespace

std::vector<std::exception_ptr> other_errors() {
  const attachment* found = find(std::current_exception());
  return found ? found->others : std::vector<std::exception_ptr>();
}

bool detail::is_cancellation(const std::exception_ptr& failure) noexcept {
  if (!failure) return false;
  try {
    std::rethrow_exception(failure);
  } catch (const cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

void detail::failures::add(std::exception_ptr failure) noexcept {
  if (!failure || is_cancellation(failure)) return;
  if (!first_)
    first_ = std::move(failure);
  else if (failure != first_)
    others_.push_back(std::move(failure));
}

void detail::failures::rethrow() {
  if (!first_) return;
  if (!others_.empty()) {
    if (attachment* known = find(first_)) {
      known->others.insert(known->others.end(), std::make_move_iterator(others_.begin()),
                           std::make_move_iterator(others_.end()));
    } else {
      if (kept.size() == max_kept) kept.pop_front();
      kept.push_back({first_, std::move(others_)});
    }
  }
  std::rethrow_exception(std::exchange(first_, nullptr));
}

} // namespace weir

#pragma once

#include <weir/core/gather.hpp>

#include <optional>
#include <variant>

namespace weir {

namespace detail {

constexpr std::size_t no_winner = static_cast<std::size_t>(-1);

/// Notes, when a racer ends, whether it was the first, and then stops the rest.
struct race_mark {
  join_state& state;
  std::size_t& winner;
  std::size_t index;

  ~race_mark() {
    if (winner != no_winner) return;
    winner = index;
    state.inside.cancel();
  }
};

template <class T>
task<unvoid<T>> run_racer(join_state& state, std::size_t& winner, std::size_t index, task<T> work) {
  race_mark mark{state, winner, index};
  if constexpr (std::is_void_v<T>) {
    co_await std::move(work);
    co_return std::monostate{};
  } else {
    co_return co_await std::move(work);
  }
}

} // namespace detail

/// Runs tasks side by side until the first one ends; the others are cancelled, and awaited.
/// Returns the winner's value at the winner's index of a variant (std::monostate for a task<void>).
/// Fails: with the winner's error, where the first one to end has failed. Cancellation: reaches all of them.
template <class... T>
task<std::variant<detail::unvoid<T>...>> race(task<T>... works) {
  using winner_type = std::variant<detail::unvoid<T>...>;
  detail::join_state state(co_await detail::this_frame{}, "race", true);
  std::size_t winner = detail::no_winner;

  std::size_t next = 0;
  std::tuple<detail::gather_child<detail::unvoid<T>>...> children{
      detail::gather_child<detail::unvoid<T>>(detail::run_racer(state, winner, next++, std::move(works)))...};
  co_await detail::join_each(state, children);
  std::optional<winner_type> value;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((I == winner ? (void)value.emplace(std::in_place_index<I>, detail::take(std::get<I>(children))) : (void)0), ...);
  }(std::index_sequence_for<T...>{});
  co_return std::move(*value);
}

} // namespace weir

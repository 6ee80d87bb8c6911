#pragma once

#include "../common/works.hpp"

// The works of the group `core`, on Weir's side. bench/peers/asio holds the same ones under the same names.
namespace weir::bench {

cost create_and_await(std::size_t size, std::size_t times);
cost gather_ready(std::size_t size, std::size_t times);
cost gather_yielding(std::size_t size, std::size_t times);
cost spawn_and_yield(std::size_t size, std::size_t times);
cost yield_in_turn(std::size_t size, std::size_t times);
cost cancel_waiting(std::size_t size, std::size_t times);

cost timers_that_fire(std::size_t size, std::size_t times);
cost timers_cancelled(std::size_t size, std::size_t times);
cost sleeping_tasks(std::size_t size, std::size_t times);
cost idle_tasks(std::size_t size, std::size_t times);
cost channel_ping_pong(std::size_t size, std::size_t times);
cost mutex_hand_over(std::size_t size, std::size_t times);
cost waiters_on_one_limiter(std::size_t size, std::size_t times);

inline constexpr work all_works[] = {
    {"await", create_and_await},
    {"gather", gather_ready},
    {"gather-yield", gather_yielding},
    {"spawn-yield", spawn_and_yield},
    {"yield", yield_in_turn},
    {"cancel", cancel_waiting},
    {"timers", timers_that_fire},
    {"timers-cancel", timers_cancelled},
    {"sleep", sleeping_tasks},
    {"idle", idle_tasks},
    {"channel", channel_ping_pong},
    {"mutex", mutex_hand_over},
    {"limiter", waiters_on_one_limiter},
};

} // namespace weir::bench

#pragma once

namespace weir::detail {

/// How much nicer pool threads and worker processes are than the process. At equal priority a loop that shares its
/// cores with computing threads waits for each turn behind them: with 40 pictures and 32 downloads at once on two
/// cores, the slowest hundredth of its answers took 8 to 17 ms, with this 4 to 9. Computing gets all that the loop
/// leaves, which is nearly everything.
constexpr int nicer_by = 5;

} // namespace weir::detail

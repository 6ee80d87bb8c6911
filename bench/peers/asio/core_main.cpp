// Measures what Boost.Asio needs for the works of bench/core:
//   weir-bench-asio-core [--reactor] WORK SIZE TIMES
#include "../../core/works.hpp"
#include "asio.hpp"

int main(int argc, char** argv) {
  const int taken = read_reactor_option(argc, argv);
  return weir::bench::run_works(argc - taken, argv + taken, weir::bench::all_works);
}

// Measures one thing that the core does and prints what an item costs:
//   weir-bench-core WORK SIZE TIMES
#include "works.hpp"

int main(int argc, char** argv) { return weir::bench::run_works(argc, argv, weir::bench::all_works); }

#include "offload/process/role.hpp"

#include <unistd.h>

#include <cstring>

// Weak: a program that starts no workers does not carry what they need.
#pragma weak weir_zygote_main

extern "C" int __real_main(int argc, char** argv, char** environment);

/// Runs in place of main, after the static initialisers: the C library's start code calls it because of --wrap=main.
extern "C" int __wrap_main(int argc, char** argv, char** environment) {
  weir::detail::role_hook_ran = true;
  if (argc >= 2 && std::strcmp(argv[1], weir::detail::role_marker) == 0) {
    if (weir_zygote_main) weir_zygote_main(argc, argv);
    constexpr char refusal[] = "--weir-worker-role is how this program starts its own worker processes; it is not "
                               "meant to be given by hand.\n";
    [[maybe_unused]] const auto written = ::write(2, refusal, sizeof refusal - 1);
    return 2;
  }
  return __real_main(argc, argv, environment);
}

#pragma once

namespace weir::detail {

/// The first argument of a process that is this program in the role of the zygote. Then: the number of its parent, and
/// room for titles. Its descriptor 3 is the socket to the parent, 4 the program that was executed.
inline constexpr char role_marker[] = "--weir-worker-role";
inline constexpr int zygote_socket = 3, zygote_program = 4;

/// Whether this program was linked so that it looks for the role before its main (--wrap=main, which the CMake targets
/// bring along), and has come to its main. Without that, a second process of this program would run main once more.
extern bool role_hook_ran;

} // namespace weir::detail

/// The zygote's life; returns only where the process was not started as one. Linked where the parent's side is.
extern "C" void weir_zygote_main(int argc, char** argv);

#include "offload/process/role.hpp"

namespace weir::detail {

// Apart from main_hook.cpp: a program without --wrap=main must still link, to be told at run time what it lacks.
bool role_hook_ran = false;

} // namespace weir::detail

// A library that knows nothing of Weir; tests open it and send its functions.
#include <unistd.h>

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int plugin_value = 1; // data: no function

namespace {
int hidden(int number) { return number * 3; }
} // namespace

EXPORTED int plugin_double(int number) { return number * 2; }
EXPORTED int (*plugin_hidden())(int) { return hidden; }

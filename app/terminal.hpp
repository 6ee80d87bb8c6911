#pragma once

#include <string>

namespace weir::app {

/// Whether somebody can be asked: standard input is a terminal.
bool can_ask();

/// Asks on the terminal of standard input, with the prompt on standard error. Returns: the line, without its end.
/// Fails: weir::cancelled on Ctrl-C and at the end of the input; weir::error. Blocking; not within a loop.
std::string ask(const std::string& prompt);

/// As ask, without showing what is typed; the terminal is as before on every way out.
std::string ask_secret(const std::string& prompt);

} // namespace weir::app

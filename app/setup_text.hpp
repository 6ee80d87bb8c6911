#pragma once

#include <weir/studio/config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace weir::app {

/// The clients that `weir setup` knows.
std::vector<std::string> known_clients();

/// Returns what makes `client` start this program over stdio: a command, or the entry for its configuration file.
/// `program` is this program's path. Fails: errc::invalid_argument for an unknown client.
std::string setup_text(const std::string& client, const std::string& program, const studio::config& settings);

/// Returns the lines that a newcomer reads beside a server that listens at `address`:`port`.
std::vector<std::string> connection_guide(const std::string& address, std::uint16_t port,
                                          const studio::config& settings);

/// The path of this program.
std::string this_program();

} // namespace weir::app

#pragma once

#include <weir/kitsu/client.hpp>

#include <string>
#include <string_view>

namespace weir::kitsu {

/// Whether `text` has the form of an id: a UUID in lower or upper case.
bool is_id(std::string_view text) noexcept;

/// Returns: the one of `rows` that a person means by `wanted`: by its id, else by exactly this name, else by this name
/// in other case (of ASCII letters); for task statuses the short name counts as well.
/// Fails: weir::error(not_found) with a close name, or else with the names that there are;
/// weir::error(invalid_argument) where several have that name, with their ids. `what` is "project", "task status", ...
/// Cost: linear in the rows.
const json::object& pick(const json::array& rows, std::string_view wanted, std::string_view what);

/// Returns: the project called `wanted`, or with that id; of the open ones, or of all. Fails: as pick.
task<json::object> find_project(client studio, std::string wanted, bool closed_too = false);

} // namespace weir::kitsu

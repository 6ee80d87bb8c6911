#pragma once

#include <weir/core/unique_fd.hpp>

#include <string>
#include <string_view>

namespace weir::files::detail {

/// The hidden names that belong to the final name `last`: ".weir-<32 digits>" and one of these.
inline constexpr std::string_view partial_tail = ".partial", facts_tail = ".facts";
std::string hidden_stem(std::string_view last);

/// True for ".weir-<32 hexadecimal digits><tail>".
bool is_hidden_name(std::string_view name, std::string_view tail) noexcept;

/// Opens the file `part` in `dir` for reading and writing and locks it, creating it with mode 0600 where it is missing.
/// What is found there and is not a regular file with one name, owned by this user or by the owner of the folder, is
/// replaced: whoever may write in the folder can have put it there. A folder is refused. No link is ever followed and
/// nothing is opened that could block. `shown` is the name for errors.
/// Returns: nothing where somebody else holds the lock.
unique_fd open_private(int dir, const std::string& part, std::string_view shown);

} // namespace weir::files::detail

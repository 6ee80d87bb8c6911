#pragma once

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/files/root.hpp>

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace weir::files::detail {

/// Opens `name` (valid, see name.hpp) below the folder `dir`. No link is followed, the last part included; with O_PATH
/// a link as the last part is opened itself. Returns the descriptor, or minus errno. O_CLOEXEC is added.
int open_beneath(int dir, const std::string& name, int flags) noexcept;

/// The error for a failed open of `name`, in plain words.
error open_error(int number, std::string_view name);

enum class allowed { file, file_or_folder };

/// Throws unless `status` is of an allowed kind.
void require_kind(const struct stat& status, std::string_view name, allowed what, bool refuse_hard_links);

file_info info_of(const struct stat& status) noexcept;

} // namespace weir::files::detail

#pragma once

#include <weir/kitsu/query.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::kitsu {

/// What a preview is, for the server: it decides by the extension alone (zou, the blueprint of previews).
enum class preview_kind {
  picture, ///< jpe, jpeg, jpg, png: kept as PNG
  movie,   ///< avi, m4v, mkv, mov, mp4, webm, wmv: encoded anew, kept as MP4
  file,    ///< 34 others, such as exr, pdf, blend, zip: kept as they are
};

/// The lower-case name: "picture", "movie", "file".
std::string_view to_string(preview_kind kind) noexcept;

/// Returns: the kind of files with that extension (without its dot, in any case); nullopt for what the server refuses.
std::optional<preview_kind> kind_of_extension(std::string_view extension) noexcept;

/// The extensions that the server takes.
std::span<const std::string_view> preview_extensions() noexcept;

/// The extension of a file's name, in lower case and without its dot; empty where it has none.
std::string extension_of(std::string_view file_name);

/// Where the original of a preview comes from. `extension` is the one of its record.
path original_of(std::string_view preview_id, preview_kind kind, std::string_view extension);

} // namespace weir::kitsu

#include <weir/core/error.hpp>
#include <weir/kitsu/preview_kind.hpp>

#include <algorithm>
#include <array>

namespace weir::kitsu {
namespace {

constexpr std::size_t pictures = 4, movies = 7;
/// Pictures, movies, others.
constexpr auto extensions = std::to_array<std::string_view>(
    {"jpe",  "jpeg", "jpg", "png", "avi", "m4v", "mkv", "mov", "mp4",  "webm",  "wmv", "ae",  "ai",   "blend", "clip",
     "comp", "diff", "exr", "fbx", "fla", "flv", "gif", "glb", "gltf", "hip",   "kra", "ma",  "mb",   "md",    "mp3",
     "obj",  "pdf",  "psd", "psb", "rar", "rev", "riv", "sai", "sai2", "sbbkp", "svg", "swf", "tvpp", "wav",   "zip"});
static_assert(extensions.size() == pictures + movies + 34);

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

} // namespace

std::string_view to_string(preview_kind kind) noexcept {
  switch (kind) {
  case preview_kind::picture:
    return "picture";
  case preview_kind::movie:
    return "movie";
  case preview_kind::file:
    return "file";
  }
  return "unknown";
}

std::optional<preview_kind> kind_of_extension(std::string_view extension) noexcept {
  if (extension.size() > 5) return std::nullopt;
  const auto found = std::find(extensions.begin(), extensions.end(), lower(extension));
  if (found == extensions.end()) return std::nullopt;
  const auto at = static_cast<std::size_t>(found - extensions.begin());
  return at < pictures ? preview_kind::picture : at < pictures + movies ? preview_kind::movie : preview_kind::file;
}

std::span<const std::string_view> preview_extensions() noexcept { return extensions; }

std::string extension_of(std::string_view file_name) {
  const std::size_t slash = file_name.rfind('/');
  if (slash != file_name.npos) file_name.remove_prefix(slash + 1);
  const std::size_t dot = file_name.rfind('.');
  return dot == file_name.npos ? std::string() : lower(file_name.substr(dot + 1));
}

path original_of(std::string_view preview_id, preview_kind kind, std::string_view extension) {
  const std::string name(preview_id);
  switch (kind) {
  case preview_kind::movie:
    return path("movies/originals/preview-files", name + ".mp4");
  case preview_kind::picture:
    return path("pictures/originals/preview-files", name + ".png");
  case preview_kind::file:
    break;
  }
  return path("pictures/originals/preview-files", name + "." + lower(extension));
}

} // namespace weir::kitsu

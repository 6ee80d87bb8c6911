#include <weir/studio/studio.hpp>
#include <weir/studio/tool.hpp>

namespace weir::studio {

std::string_view folder_of(media_kind kind) noexcept { return kind == media_kind::video ? "videos" : "images"; }

task<place> call::input(media_kind kind, std::string name) {
  co_return place{co_await in_.folder(kind), std::move(name)};
}

task<destination> call::output(media_kind kind, std::string name) {
  co_return destination{co_await in_.folder(kind), std::move(name)};
}

void call::progress(double, std::optional<double>, std::string_view) {}

} // namespace weir::studio

// Many downloads at the same time: each is invisible until it is whole, and goes on where it broke off.
#include "kitsu_account.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace kitsu = weir::kitsu;
namespace json = weir::json;

namespace {

// [downloads]
weir::task<void> download_all_previews(json::array preview_files, weir::files::root folder, kitsu::client& client) {
  std::vector<weir::task<kitsu::download_outcome>> downloads;
  for (const json::value& preview : preview_files) {
    const std::string id = json::string_or(preview.get_object(), "id");
    const std::string extension = json::string_or(preview.get_object(), "extension");
    const char* kind = extension == "mp4" ? "movies/originals/preview-files" : "pictures/originals/preview-files";
    downloads.push_back(client.download(kitsu::path(kind, id + "." + extension), folder, id + "." + extension));
  }
  co_await weir::gather(std::move(downloads)); // four at once: client_options::max_transfers
}
// [end]

weir::task<bool> fetch(kitsu::client& client, std::string folder) {
  json::array some;
  for (json::value& preview : co_await client.fetch_all("preview-files", {{"status", "ready"}})) {
    const std::string extension = json::string_or(preview.get_object(), "extension");
    if ((extension == "png" || extension == "mp4") && some.size() < 20) some.push_back(std::move(preview));
  }
  const auto root = co_await weir::run_in_threadpool([&] { return weir::files::root::open_or_create(folder); });
  const std::size_t wanted = some.size();
  co_await download_all_previews(std::move(some), root, client);
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) found += entry.is_regular_file();
  std::printf("%zu previews, %zu files\n", wanted, found);
  co_return wanted > 0 && found == wanted;
}

} // namespace

int main() {
  const account me = account_from_environment();
  char folder[] = "/tmp/weir-previews-XXXXXX";
  if (!::mkdtemp(folder)) return 1;
  const bool well = weir::run(kitsu::create_session(me.host, me.email, me.password,
                                                    [&](kitsu::client& client) { return fetch(client, folder); }));
  std::filesystem::remove_all(folder);
  return well ? 0 : 1;
}

// A file up, and a file down.
#include "kitsu_account.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace kitsu = weir::kitsu;
namespace json = weir::json;

namespace {

/// A picture of one red pixel.
void write_picture(const std::string& name) {
  constexpr unsigned char png[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1A, '\n', 0,   0,    0,   13,   'I',  'H',
                                   'D',  'R',  0,    0,    0,    1,    0,    0,    0,   1,    8,   2,    0,    0,
                                   0,    0x90, 'w',  'S',  0xDE, 0,    0,    0,    12,  'I',  'D', 'A',  'T',  8,
                                   0xD7, 'c',  0xF8, 0xCF, 0xC0, 0,    0,    3,    1,   1,    0,   0x18, 0xDD, 0x8D,
                                   0xB0, 0,    0,    0,    0,    'I',  'E',  'N',  'D', 0xAE, 'B', 0x60, 0x82};
  std::ofstream(name, std::ios::binary).write(reinterpret_cast<const char*>(png), sizeof png);
}

weir::task<bool> up_and_down(kitsu::client& client, std::string folder_name) {
  const auto project = co_await client.fetch_first("projects/open");
  const std::string project_id = json::string_or(*project, "id");
  const std::string picture = folder_name + "/thumbnail.png";
  co_await weir::run_in_threadpool([&] { write_picture(picture); });
  const auto folder = co_await weir::run_in_threadpool([&] { return weir::files::root::open(folder_name); });

  // [upload]
  co_await client.upload(kitsu::path("pictures/thumbnails/projects", project_id), picture,
                         {.on_progress = [](std::uint64_t sent, std::uint64_t total) {
                           std::printf("%llu of %llu bytes\n", static_cast<unsigned long long>(sent),
                                       static_cast<unsigned long long>(total));
                         }});
  // [end]

  // [download]
  const kitsu::download_outcome saved =
      co_await client.download(kitsu::path("pictures/thumbnails/projects", project_id + ".png"), folder, "output.png");
  std::printf("%s: %llu bytes, SHA-256 %s\n", saved.file.name.c_str(),
              static_cast<unsigned long long>(saved.file.bytes), saved.file.sha256.c_str());
  // [end]
  co_return saved.file.bytes > 0;
}

} // namespace

int main() {
  const account me = account_from_environment();
  char folder[] = "/tmp/weir-files-XXXXXX";
  if (!::mkdtemp(folder)) return 1;
  const bool well = weir::run(kitsu::create_session(
      me.host, me.email, me.password, [&](kitsu::client& client) { return up_and_down(client, folder); }));
  std::filesystem::remove_all(folder);
  return well ? 0 : 1;
}

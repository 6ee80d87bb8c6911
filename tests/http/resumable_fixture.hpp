#pragma once

#include "http/client_fixture.hpp"
#include "http/ranged_server.hpp"

#include <weir/http/resumable_download.hpp>

#include <openssl/sha.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace weir::test::resumable {

namespace fs = std::filesystem;
using files::on_conflict;
using http::download_options;
using http::file_download;
using names = std::vector<std::string>;

inline std::string sha256_of(const std::string& text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  std::string hex;
  for (const unsigned char byte : sum) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(((i + seed) * 2654435761u) >> 13);
  return text;
}

inline client_options quick() {
  client_options options = direct();
  options.retry = {.first_wait = 1ms, .max_wait = 5ms};
  options.timeouts.idle = 20'000ms;
  return options;
}

class folder {
 public:
  folder() {
    std::string made = (fs::temp_directory_path() / "weir-http-XXXXXX").string();
    if (!::mkdtemp(made.data())) std::abort();
    path_ = made;
  }
  ~folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }
  files::root open() const { return files::root::open(path_.string()); }

  names shown() const { return listing(false); }
  names hidden() const { return listing(true); }
  std::string content(const std::string& name = "clip.mp4") const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// The length of the part that is kept; nothing where there is none.
  std::optional<std::uint64_t> part_bytes() const {
    for (const std::string& name : hidden())
      if (name.ends_with(".partial")) return fs::file_size(path_ / name);
    return std::nullopt;
  }

 private:
  names listing(bool hidden) const {
    names found;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.path().filename().string().starts_with(".weir") == hidden) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  fs::path path_;
};

struct order {
  std::string url;
  files::publish_options publish;
  download_options download;
  std::string identity;
  http::headers headers;
  std::string name = "clip.mp4";
};

inline task<file_download> fetch_with(client& web, files::root in, order o) {
  return http::download_resumable(web, {.url = o.url, .headers = o.headers}, std::move(in), o.name, o.publish,
                                  std::move(o.download), o.identity);
}

inline file_download fetch(const folder& in, order o) {
  return weir::run([](files::root r, order what) -> task<file_download> {
    client web(quick());
    co_return co_await fetch_with(web, std::move(r), std::move(what));
  }(in.open(), std::move(o)));
}

/// One attempt, which must fail. Returns how.
inline failed fetch_failure(const folder& in, order o) {
  o.download.max_attempts = 1;
  try {
    fetch(in, std::move(o));
  } catch (const weir::error& e) {
    return {.code = e.code(), .text = e.what()};
  }
  ADD_FAILURE() << "it did not fail";
  return {};
}

/// Leaves the first `bytes` of the content behind.
inline void leave(const folder& in, ranged_server& s, long bytes) {
  s.cut({bytes});
  EXPECT_EQ(fetch_failure(in, {.url = s.url()}).code, errc::unavailable);
  if (bytes > 0) {
    ASSERT_EQ(in.part_bytes(), static_cast<std::uint64_t>(bytes));
  }
}

inline void expect_whole(const folder& in, const file_download& got, const std::string& content,
                         const std::string& name = "clip.mp4") {
  EXPECT_EQ(got.file.name, name);
  EXPECT_EQ(got.file.bytes, content.size());
  EXPECT_EQ(got.file.sha256, sha256_of(content));
  EXPECT_EQ(got.download.sha256, got.file.sha256);
  EXPECT_EQ(got.download.bytes, content.size());
  EXPECT_EQ(in.content(name), content);
  EXPECT_TRUE(in.hidden().empty()) << "something is left";
}

} // namespace weir::test::resumable

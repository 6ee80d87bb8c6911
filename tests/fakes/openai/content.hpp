#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>

namespace fake {

/// Bytes that are made when they are asked for, at any offset.
struct content {
  std::uint64_t size = 0;
  std::string type, etag;
  std::function<void(std::uint64_t offset, std::span<char> out)> read;
};

/// What a video's id is worth in bytes. The same id, variant and size always give the same bytes; another id gives
/// others.
class content_maker {
 public:
  /// `real_media` is empty or the path of an mp4 that is served for every video, with a `free` box at its end that
  /// carries the id.
  explicit content_maker(const std::string& real_media);
  ~content_maker();
  content_maker(const content_maker&) = delete;
  content_maker& operator=(const content_maker&) = delete;

  /// `variant` is video, thumbnail or spritesheet; `bytes` counts for video only.
  content make(const std::string& id, const std::string& variant, std::uint64_t bytes) const;
  /// Returns the SHA-256 in hex. Reads the whole content the first time, then remembers.
  std::string sha256(const std::string& id, const std::string& variant, std::uint64_t bytes);

 private:
  content video(const std::string& id, std::uint64_t bytes) const;

  int media_ = -1;
  std::uint64_t media_size_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::string> sums_;
};

/// SHA-256 of `bytes` in hex.
std::string sha256_hex(std::string_view bytes);

} // namespace fake

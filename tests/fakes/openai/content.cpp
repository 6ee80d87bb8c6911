#include "content.hpp"

#include "picture.hpp"
#include "random.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

namespace fake {
namespace {

class sha256_sum {
 public:
  sha256_sum() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char out[32];
    EVP_DigestFinal_ex(context_.get(), out, nullptr);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : out) text.append({digits[byte >> 4], digits[byte & 15]});
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

void put_big(std::string& out, std::uint64_t n, int bytes) {
  for (int i = bytes; i-- > 0;) out += static_cast<char>(n >> 8 * i);
}

// An ISO base media file as far as its boxes go (ISO/IEC 14496-12, 4.2 and 4.3): `ftyp`, then one 64-bit `mdat`.
std::string mp4_head(std::uint64_t size) {
  std::string out;
  put_big(out, 24, 4);
  out += "ftypisom";
  put_big(out, 0x200, 4);
  out += "isommp41";
  put_big(out, 1, 4);
  out += "mdat";
  put_big(out, size - 24, 8);
  return out;
}

void copy_from(std::string_view text, std::uint64_t offset, std::span<char> out) {
  std::memcpy(out.data(), text.data() + offset, out.size());
}

content from_text(std::string text, std::string type) {
  auto shared = std::make_shared<const std::string>(std::move(text));
  return {shared->size(), std::move(type), "",
          [shared](std::uint64_t offset, std::span<char> out) { copy_from(*shared, offset, out); }};
}

} // namespace

std::string sha256_hex(std::string_view bytes) {
  sha256_sum sum;
  sum.add(bytes);
  return sum.hex();
}

content_maker::content_maker(const std::string& real_media) {
  if (real_media.empty()) return;
  media_ = ::open(real_media.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat s{};
  if (media_ < 0 || ::fstat(media_, &s) != 0) throw std::system_error(errno, std::generic_category(), real_media);
  media_size_ = static_cast<std::uint64_t>(s.st_size);
}

content_maker::~content_maker() {
  if (media_ >= 0) ::close(media_);
}

content content_maker::video(const std::string& id, std::uint64_t bytes) const {
  if (media_ >= 0) {
    std::string tail;
    put_big(tail, id.size() + 8, 4);
    tail += "free" + id;
    return {media_size_ + tail.size(), "video/mp4", "",
            [fd = media_, size = media_size_, tail](std::uint64_t offset, std::span<char> out) {
              while (!out.empty() && offset < size) {
                const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size - offset));
                const auto n = ::pread(fd, out.data(), step, static_cast<off_t>(offset));
                if (n <= 0) throw std::runtime_error("the file of --real-media has become shorter");
                out = out.subspan(static_cast<std::size_t>(n));
                offset += static_cast<std::uint64_t>(n);
              }
              if (!out.empty()) copy_from(tail, offset - size, out);
            }};
  }
  const auto head = bytes >= 40 ? mp4_head(bytes) : std::string{};
  return {bytes, "video/mp4", "", [head, key = hash_text(id)](std::uint64_t offset, std::span<char> out) {
            if (offset < head.size()) {
              const auto n = std::min<std::size_t>(out.size(), head.size() - offset);
              copy_from(head, offset, out.first(n));
              out = out.subspan(n);
              offset += n;
            }
            random_bytes(key, offset, out);
          }};
}

content content_maker::make(const std::string& id, const std::string& variant, std::uint64_t bytes) const {
  content c;
  if (variant == "thumbnail")
    c = from_text(make_picture({picture_format::webp, 320, 180, hash_text(id + variant)}), "image/webp");
  else if (variant == "spritesheet")
    c = from_text(make_picture({picture_format::jpeg, 640, 360, hash_text(id + variant)}), "image/jpeg");
  else
    c = video(id, bytes);
  c.etag = '"' + hex_id(hash_text(id + variant) ^ c.size, 32) + '"';
  return c;
}

std::string content_maker::sha256(const std::string& id, const std::string& variant, std::uint64_t bytes) {
  const auto name = id + '/' + variant + '/' + std::to_string(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sums_.find(name); found != sums_.end()) return found->second;
  }
  const auto c = make(id, variant, bytes);
  sha256_sum sum;
  std::vector<char> block(1 << 18);
  for (std::uint64_t at = 0; at < c.size;) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), c.size - at));
    c.read(at, std::span(block).first(n));
    sum.add({block.data(), n});
    at += n;
  }
  const auto hex = sum.hex();
  const std::lock_guard lock(mutex_);
  return sums_.insert_or_assign(name, hex).first->second;
}

} // namespace fake

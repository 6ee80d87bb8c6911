#include <weir/core/error.hpp>

#include <mcp/request_state.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <vector>

namespace weir::mcp::detail {

namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += "0123456789abcdef"[bytes[i] >> 4];
    out += "0123456789abcdef"[bytes[i] & 15];
  }
  return out;
}

std::string digest(std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), out, &size, EVP_sha256(), nullptr) != 1)
    throw error(errc::internal, "SHA-256 is not available");
  return hex(out, size);
}

} // namespace

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (::getrandom(random.data(), bytes, 0) != static_cast<ssize_t>(bytes)) throw errno_error(errno, "random numbers");
  return hex(random.data(), bytes);
}

state_sealer::state_sealer() : key_(random_hex(32)) {}

std::string state_sealer::tag(std::string_view payload) const {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
            reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), out, &size))
    throw error(errc::internal, "HMAC is not available");
  return hex(out, size);
}

std::string state_sealer::seal(const std::map<std::string, json::object>& answers, std::string_view purpose,
                               std::chrono::system_clock::time_point expires) const {
  json::object known;
  for (const auto& [key, answer] : answers) known.emplace(key, answer);
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count();
  std::string payload =
      json::serialize(json::object{{"for", digest(purpose)}, {"until", seconds}, {"answers", std::move(known)}});
  return tag(payload) + payload;
}

std::optional<std::map<std::string, json::object>> state_sealer::open(std::string_view sealed, std::string_view purpose,
                                                                      std::chrono::system_clock::time_point now) const {
  constexpr std::size_t tag_size = 64;
  if (sealed.size() < tag_size) return std::nullopt;
  std::string_view payload = sealed.substr(tag_size);
  if (CRYPTO_memcmp(tag(payload).data(), sealed.data(), tag_size) != 0) return std::nullopt;
  json::object content = json::parse(payload).as_object();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (json::string_or(content, "for") != digest(purpose) || json::int_or(content, "until", 0) < seconds)
    return std::nullopt;
  std::map<std::string, json::object> answers;
  for (const auto& [key, answer] : content.at("answers").as_object()) answers.emplace(key, answer.as_object());
  return answers;
}

} // namespace weir::mcp::detail

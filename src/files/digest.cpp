#include <weir/core/error.hpp>

#include <files/digest.hpp>
#include <openssl/evp.h>

namespace weir::files::detail {

static void require(int ok) {
  if (ok != 1) throw error(errc::internal, "SHA-256 is not available in this build of OpenSSL");
}

void digest::free_context::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

digest::digest() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void digest::add(const void* data, std::size_t bytes) { require(EVP_DigestUpdate(context_.get(), data, bytes)); }

digest digest::copy() const {
  digest same;
  require(EVP_MD_CTX_copy_ex(same.context_.get(), context_.get()));
  return same;
}

std::string digest::hex() const {
  const std::unique_ptr<evp_md_ctx_st, free_context> copy(EVP_MD_CTX_new());
  require(copy != nullptr);
  require(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  require(EVP_DigestFinal_ex(copy.get(), sum, &length));
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += digits[sum[i] >> 4];
    text += digits[sum[i] & 15];
  }
  return text;
}

} // namespace weir::files::detail

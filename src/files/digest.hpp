#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace weir::files::detail {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
class digest {
 public:
  digest();
  void add(const void* data, std::size_t bytes);
  /// 64 lower-case hexadecimal digits, of what was added so far; more may be added afterwards.
  std::string hex() const;
  /// Another one that has been given the same bytes.
  digest copy() const;

 private:
  struct free_context {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, free_context> context_;
};

} // namespace weir::files::detail

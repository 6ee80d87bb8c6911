#define WEIR_CURL_LOADER
#include "http/curl.hpp"

#include <weir/core/error.hpp>

#include <dlfcn.h>

#include <string>
#include <type_traits>

namespace weir::http::detail {

namespace {

// The name has stood for the same interface since 2006.
constexpr const char* library_name = "libcurl.so.4";

[[noreturn]] void refuse() {
  const char* why = ::dlerror();
  throw error(errc::unavailable, std::string("libcurl cannot be loaded, and without it nothing can be fetched: ") +
                                     (why ? why : library_name) + ". On Debian: apt-get install libcurl4");
}

curl_functions load() {
  void* library = ::dlopen(library_name, RTLD_LAZY | RTLD_LOCAL);
  if (!library) refuse();
  curl_functions found;
  const auto find = [library](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (!function) refuse();
  };
#define WEIR_CURL_FIND(name) find(found.name, #name);
  WEIR_CURL_FUNCTIONS(WEIR_CURL_FIND)
#undef WEIR_CURL_FIND
  return found;
}

} // namespace

const curl_functions& libcurl() {
  static const curl_functions functions = load();
  return functions;
}

} // namespace weir::http::detail

#pragma once

#include <curl/curl.h>

// libcurl brings some 25 further libraries, half of the time that a program takes to start and a third of the memory
// that it holds while idle. A server that never calls out should not pay for them: the library is loaded by the first
// call of one of its functions. Sources of this room include this header, never <curl/curl.h>.

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

// clang-format off
#define WEIR_CURL_FUNCTIONS(each) \
  each(curl_easy_cleanup) each(curl_easy_getinfo) each(curl_easy_init) each(curl_easy_pause) each(curl_easy_reset) \
  each(curl_easy_setopt) each(curl_easy_strerror) each(curl_free) each(curl_getdate) each(curl_global_init) \
  each(curl_multi_add_handle) each(curl_multi_cleanup) each(curl_multi_info_read) \
  each(curl_multi_init) each(curl_multi_remove_handle) each(curl_multi_setopt) each(curl_multi_socket_action) \
  each(curl_multi_strerror) each(curl_slist_append) each(curl_slist_free_all) each(curl_url) each(curl_url_cleanup) \
  each(curl_url_get) each(curl_url_set)
// clang-format on

namespace weir::http::detail {

/// The functions of libcurl that are used here.
struct curl_functions {
#define WEIR_CURL_MEMBER(name) decltype(&::name) name = nullptr;
  WEIR_CURL_FUNCTIONS(WEIR_CURL_MEMBER)
#undef WEIR_CURL_MEMBER
};

/// Fails: errc::unavailable where the library is not installed or lacks a function; the next call tries again.
/// Thread-safety: any thread. Cost: the first call 5 ms, every other one a nanosecond.
const curl_functions& libcurl();

} // namespace weir::http::detail

#ifndef WEIR_CURL_LOADER // which names the functions themselves
#define curl_easy_cleanup ::weir::http::detail::libcurl().curl_easy_cleanup
#define curl_easy_getinfo ::weir::http::detail::libcurl().curl_easy_getinfo
#define curl_easy_init ::weir::http::detail::libcurl().curl_easy_init
#define curl_easy_pause ::weir::http::detail::libcurl().curl_easy_pause
#define curl_easy_reset ::weir::http::detail::libcurl().curl_easy_reset
#define curl_easy_setopt ::weir::http::detail::libcurl().curl_easy_setopt
#define curl_easy_strerror ::weir::http::detail::libcurl().curl_easy_strerror
#define curl_free ::weir::http::detail::libcurl().curl_free
#define curl_getdate ::weir::http::detail::libcurl().curl_getdate
#define curl_global_init ::weir::http::detail::libcurl().curl_global_init
#define curl_multi_add_handle ::weir::http::detail::libcurl().curl_multi_add_handle
#define curl_multi_cleanup ::weir::http::detail::libcurl().curl_multi_cleanup
#define curl_multi_info_read ::weir::http::detail::libcurl().curl_multi_info_read
#define curl_multi_init ::weir::http::detail::libcurl().curl_multi_init
#define curl_multi_remove_handle ::weir::http::detail::libcurl().curl_multi_remove_handle
#define curl_multi_setopt ::weir::http::detail::libcurl().curl_multi_setopt
#define curl_multi_socket_action ::weir::http::detail::libcurl().curl_multi_socket_action
#define curl_multi_strerror ::weir::http::detail::libcurl().curl_multi_strerror
#define curl_slist_append ::weir::http::detail::libcurl().curl_slist_append
#define curl_slist_free_all ::weir::http::detail::libcurl().curl_slist_free_all
#define curl_url ::weir::http::detail::libcurl().curl_url
#define curl_url_cleanup ::weir::http::detail::libcurl().curl_url_cleanup
#define curl_url_get ::weir::http::detail::libcurl().curl_url_get
#define curl_url_set ::weir::http::detail::libcurl().curl_url_set
#endif

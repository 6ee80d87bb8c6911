#include "http/url.hpp"

#include "http/curl.hpp"

#include <weir/core/error.hpp>
#include <weir/http/client.hpp>

#include <arpa/inet.h>

#include <memory>

namespace weir::http {
namespace {

struct url_deleter {
  void operator()(CURLU* u) const noexcept { curl_url_cleanup(u); }
};
using url_handle = std::unique_ptr<CURLU, url_deleter>;

std::string part(CURLU* u, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(u, what, &text, flags) != CURLUE_OK || !text) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool is_web(CURLU* u) {
  const std::string scheme = part(u, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

std::string origin_of(CURLU* u) {
  return part(u, CURLUPART_SCHEME) + "://" + part(u, CURLUPART_HOST) + ":" +
         part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

} // namespace

std::string shown_url(std::string_view url) {
  const url_handle u(curl_url());
  const std::string text(url);
  if (!u || curl_url_set(u.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return "(a URL that cannot be read)";
  const bool query = !part(u.get(), CURLUPART_QUERY).empty();
  for (const CURLUPart secret :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    curl_url_set(u.get(), secret, nullptr, 0);
  return part(u.get(), CURLUPART_URL) + (query ? "?..." : "");
}

namespace detail {

parsed_url parse_url(const std::string& url) {
  const url_handle u(curl_url());
  if (!u) throw error(errc::internal, "libcurl has no memory for a URL");
  if (url.find('\0') != std::string::npos || curl_url_set(u.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    throw error(errc::invalid_argument, shown_url(url) + " is not a URL that can be asked: give http://host/path or "
                                                         "https://host/path, with %20 for a space");
  if (!is_web(u.get())) throw error(errc::invalid_argument, shown_url(url) + " is neither http nor https");
  parsed_url found;
  found.origin = origin_of(u.get());
  found.secure = found.origin.starts_with("https:");
  const std::string host = part(u.get(), CURLUPART_HOST);
  in_addr address{};
  found.is_address = host.starts_with('[') || ::inet_pton(AF_INET, host.c_str(), &address) == 1;
  return found;
}

std::string resolve_location(const std::string& base, const std::string& location) {
  const url_handle u(curl_url());
  if (!u || curl_url_set(u.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK)
    throw error(errc::internal, "a URL that was asked cannot be read again");
  const std::string before = origin_of(u.get());
  const std::string user = part(u.get(), CURLUPART_USER);
  const std::string password = part(u.get(), CURLUPART_PASSWORD);
  if (location.find('\0') != std::string::npos ||
      curl_url_set(u.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK || !is_web(u.get()))
    throw error(errc::remote, shown_url(base) + " redirects to something that is no http or https URL");
  const bool same = origin_of(u.get()) == before;
  curl_url_set(u.get(), CURLUPART_USER, same && !user.empty() ? user.c_str() : nullptr, 0);
  curl_url_set(u.get(), CURLUPART_PASSWORD, same && !password.empty() ? password.c_str() : nullptr, 0);
  curl_url_set(u.get(), CURLUPART_FRAGMENT, nullptr, 0);
  return part(u.get(), CURLUPART_URL);
}

std::string without_user(const std::string& url) {
  if (url.find('@') == std::string::npos) return url;
  const url_handle u(curl_url());
  if (!u || curl_url_set(u.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return shown_url(url);
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS})
    curl_url_set(u.get(), secret, nullptr, 0);
  return part(u.get(), CURLUPART_URL);
}

} // namespace detail
} // namespace weir::http

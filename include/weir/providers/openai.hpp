#pragma once

#include <weir/http/client.hpp>
#include <weir/providers/provider.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::providers {

/// Where the server is and who asks. The names are those that the official SDKs read from the environment.
struct openai_options {
  std::string api_key;                                      ///< OPENAI_API_KEY
  std::string base_url = "https://api.openai.com/v1";       ///< OPENAI_BASE_URL; with the version in it
  std::string organization;                                 ///< OPENAI_ORG_ID
  std::string project;                                      ///< OPENAI_PROJECT_ID
  std::vector<std::pair<std::string, std::string>> headers; ///< OPENAI_CUSTOM_HEADERS, "Name: value" a line
};

/// Any server that speaks OpenAI's /videos, /images and /responses.
/// Money: a billable POST carries the request's idempotency key, and is repeated after a 429 only.
/// Makes the HTTP client at the first request. `options` may lack a key: calls then fail with errc::not_configured.
std::unique_ptr<provider> make_openai(openai_options options);

} // namespace weir::providers

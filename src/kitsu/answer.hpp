#pragma once

#include <weir/http/client.hpp>
#include <weir/json/value.hpp>
#include <weir/kitsu/errors.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::kitsu {

constexpr std::size_t kept_body_bytes = 16 * 1024;
constexpr std::size_t max_small_body_bytes = 1024 * 1024;

/// What is known of an answer whose status is an error, or that is none of Kitsu's.
struct refusal {
  std::string method, path;
  int status = 0;
  std::string content_type;
  std::string location; ///< of a redirect
  std::string body;
  int attempts = 1;
};

/// Tells from status, type and body what went wrong.
failed_call classify(const refusal& answer);

/// Where no complete answer came.
failed_call classify(const http::transport_error& problem, std::string method, std::string path);

/// The answer as JSON where it is JSON, whatever it says of itself, and no longer than max_small_body_bytes.
std::optional<json::value> json_of(std::string_view body);

/// Whether `content_type` or the body's beginning says that it is a page for people.
bool is_page(std::string_view content_type, std::string_view body) noexcept;

/// The error of an answer with a status of success that is not what a Kitsu server sends.
request_error not_kitsu(const refusal& answer, std::string message);

} // namespace weir::kitsu

#pragma once

#include <weir/http/headers.hpp>
#include <weir/json/value.hpp>
#include <weir/providers/image.hpp>
#include <weir/providers/video.hpp>

#include <string>
#include <string_view>

namespace weir::providers::openai {

/// Reads the members of an answer. A member that is missing or null is nothing.
/// Fails (all): errc::corrupt for a value of another kind; the text names the member.
class members {
 public:
  explicit members(const json::object& o, std::string path = {}) : object_(&o), path_(std::move(path)) {}

  std::optional<std::string> text(std::string_view key) const;
  /// Text, or a number as servers other than OpenAI send it.
  std::optional<std::string> text_or_number(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  /// A number of seconds, its fraction dropped.
  std::optional<std::int64_t> seconds(std::string_view key) const;
  bool flag(std::string_view key) const;
  const json::object* object(std::string_view key) const;
  const json::array* array(std::string_view key) const;
  /// The member `key`, for a member of its own.
  std::string path_of(std::string_view key) const;

 private:
  const json::value* find(std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, std::string_view wanted) const;

  const json::object* object_;
  std::string path_;
};

/// Returns `id` if it may go into a path. Fails: errc::invalid_argument.
const std::string& checked_id(const std::string& id);
bool is_id(std::string_view id) noexcept;

/// The job in `answer`. `headers` may say when to ask again.
/// Fails (all): errc::corrupt for a wrong kind of member, and for a missing or impossible id.
video_job read_video(const json::object& answer, const http::headers& headers);
video_page read_page(const json::object& answer);

/// The job in an answer of /responses, from which the pictures have been taken out already.
image_job read_response(const json::object& answer, const http::headers& headers, bool has_image);

/// What came with the picture: of /images, and of the first image call of /responses.
image_outcome outcome_of_images(const json::object& answer, std::string_view asked_model);
image_outcome outcome_of_response(const json::object& answer);

} // namespace weir::providers::openai

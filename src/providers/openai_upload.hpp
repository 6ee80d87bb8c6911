#pragma once

#include <weir/core/task.hpp>
#include <weir/http/multipart.hpp>
#include <weir/providers/image.hpp>

#include <string>

namespace weir::providers::openai {

inline constexpr std::size_t max_input_files = 16;                    ///< of one picture, by the Images API's reference
inline constexpr std::uint64_t max_input_bytes = 50ull * 1024 * 1024; ///< of each, likewise

/// Fails: errc::invalid_argument for more than 16 inputs, errc::too_large for one over 50 MB; the text names it.
void check_inputs(const std::vector<input_file>& inputs, const std::optional<input_file>& mask);

/// Adds `file` to `form`, to be read while it is sent.
void add_file(http::multipart& form, std::string_view field, const input_file& file);

/// Returns the body of POST /responses for `request`. Pictures are in it as data URLs: nothing is left on the account.
/// It is built on a pool thread, in an unlinked file where there are pictures; memory stays bounded.
/// Fails: errc::corrupt when a file becomes shorter meanwhile; no_space. Cancellation: between two pieces of a file.
task<http::body> response_body(const image_job_request& request);

} // namespace weir::providers::openai

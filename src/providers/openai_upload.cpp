#include "providers/openai_upload.hpp"

#include "providers/openai_spool.hpp"

#include <weir/core/error.hpp>
#include <weir/media/base64.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace weir::providers::openai {
namespace {

// A multiple of three, so that the pieces' base64 can be joined.
constexpr std::size_t piece_bytes = 192 * 1024;

/// A part of a JSON text: text, then a file as base64.
struct stretch {
  std::string text;
  const input_file* file = nullptr;
};

void write_base64(spool& to, const input_file& from, const std::stop_token& stop) {
  const std::uint64_t size = from.file->info.size_bytes;
  std::string piece;
  for (std::uint64_t at = 0; at < size;) {
    if (stop.stop_requested()) throw cancelled{};
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - at)));
    for (std::size_t got = 0; got < piece.size();) {
      const ssize_t n =
          ::pread(from.file->fd.get(), piece.data() + got, piece.size() - got, static_cast<off_t>(at + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw errno_error(errno, from.name);
      if (n == 0) throw error(errc::corrupt, "'" + from.name + "' became shorter while it was read");
      got += static_cast<std::size_t>(n);
    }
    to.write(media::base64_encode(piece));
    at += piece.size();
  }
}

std::string without_end(const json::object& o) {
  std::string text = json::serialize(o);
  text.pop_back();
  return text;
}

/// The request's JSON, cut where a file goes in.
std::vector<stretch> stretches_of(const image_job_request& request) {
  std::vector<stretch> all;
  std::string text;
  const auto data_url = [&](const input_file& file) {
    text += "\"data:" + file.mime_type + ";base64,";
    all.push_back({std::exchange(text, "\""), &file});
  };

  json::object head{{"background", true}};
  if (!request.model.empty()) head["model"] = request.model;
  if (request.previous_response_id) head["previous_response_id"] = *request.previous_response_id;
  if (request.inputs.empty()) head["input"] = request.prompt;
  text = without_end(head);
  if (!request.inputs.empty()) {
    text += ",\"input\":[{\"role\":\"user\",\"content\":[";
    text += json::serialize(json::object{{"type", "input_text"}, {"text", request.prompt}});
    for (const input_file& file : request.inputs) {
      text += ",{\"type\":\"input_image\",\"detail\":\"auto\",\"image_url\":";
      data_url(file);
      text += "}";
    }
    text += "]}]";
  }
  json::object tool = request.tool_config;
  tool["type"] = "image_generation";
  if (!tool.contains("model")) tool["model"] = "gpt-image-2";
  text += ",\"tools\":[" + without_end(tool);
  if (request.mask) {
    text += ",\"input_image_mask\":{\"image_url\":";
    data_url(*request.mask);
    text += "}";
  }
  text += "}]}";
  all.push_back({std::move(text), nullptr});
  return all;
}

} // namespace

void check_inputs(const std::vector<input_file>& inputs, const std::optional<input_file>& mask) {
  if (inputs.size() > max_input_files)
    throw error(errc::invalid_argument, "at most 16 input pictures are possible, not " + std::to_string(inputs.size()));
  const auto check = [](const input_file& input) {
    if (input.file->info.size_bytes > max_input_bytes)
      throw error(errc::too_large, "'" + input.name + "' has " + std::to_string(input.file->info.size_bytes) +
                                       " bytes, more than the 50 MB that an input picture may have");
  };
  for (const input_file& input : inputs) check(input);
  if (mask) check(*mask);
}

void add_file(http::multipart& form, std::string_view field, const input_file& file) {
  unique_fd own(::fcntl(file.file->fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!own) throw errno_error(errno, file.name);
  form.add_file(field, file.name.substr(file.name.rfind('/') + 1), file.mime_type, std::move(own));
}

task<http::body> response_body(const image_job_request& request) {
  check_inputs(request.inputs, request.mask);
  if (request.mask && request.tool_config.contains("input_image_mask"))
    throw error(errc::invalid_argument, "a mask is given twice: as a file, and as input_image_mask in tool_config");
  std::vector<stretch> parts = stretches_of(request);
  if (parts.size() == 1) co_return http::body(std::move(parts.front().text));
  unique_fd made = co_await run_in_threadpool([&parts](std::stop_token stop) {
    spool file;
    for (const stretch& part : parts) {
      file.write(part.text);
      if (part.file) write_base64(file, *part.file, stop);
    }
    return std::move(file).take();
  });
  co_return http::body::from_file(std::move(made));
}

} // namespace weir::providers::openai

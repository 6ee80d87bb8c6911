#include "providers/openai_json.hpp"

#include <weir/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace weir::providers::openai {
namespace {

constexpr std::size_t max_id_bytes = 200;
constexpr std::chrono::milliseconds longest_poll{60'000};

std::chrono::milliseconds poll_after(const http::headers& headers) {
  const auto text = headers.get("openai-poll-after-ms");
  if (!text) return {};
  long ms = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (fault != std::errc() || end != text->data() + text->size() || ms < 0) return {};
  return std::min(std::chrono::milliseconds(ms), longest_poll);
}

std::string id_in(const members& answer) {
  const auto id = answer.text("id");
  if (!id) throw error(errc::corrupt, "the member 'id' is missing");
  if (!is_id(*id)) throw error(errc::corrupt, "the member 'id' is no name that could be asked for again");
  return *id;
}

/// The texts that the model gave instead of a picture: refusals first.
std::string words_in(const json::array& output) {
  std::string refusal, reply;
  const auto append = [](std::string& to, const std::optional<std::string>& more) {
    if (!more || more->empty()) return;
    if (!to.empty()) to += ' ';
    to += *more;
  };
  for (std::size_t i = 0; i < output.size(); ++i) {
    const auto* item = output[i].if_object();
    const std::string path = "output[" + std::to_string(i) + "].";
    if (!item || members(*item, path).text("type") != "message") continue;
    const auto* pieces = members(*item, path).array("content");
    if (!pieces) continue;
    for (const auto& piece : *pieces)
      if (const auto* o = piece.if_object()) {
        const members m(*o, path + "content[].");
        append(refusal, m.text("refusal"));
        if (m.text("type") == "output_text") append(reply, m.text("text"));
      }
  }
  return refusal.empty() ? reply : refusal;
}

const json::object* first_image_call(const json::object& answer) {
  const auto* output = members(answer).array("output");
  if (!output) return nullptr;
  for (const auto& item : *output)
    if (const auto* o = item.if_object(); o && json::string_or(*o, "type") == "image_generation_call") return o;
  return nullptr;
}

void read_error(const members& answer, std::optional<std::string>& code, std::optional<std::string>& message,
                const json::object& raw) {
  if (const auto* v = json::find(raw, "error"); v && v->is_string()) {
    message = std::string(v->get_string());
    return;
  }
  const auto* failure = answer.object("error");
  if (!failure) return;
  const members m(*failure, "error.");
  code = m.text_or_number("code");
  message = m.text("message");
}

} // namespace

const json::value* members::find(std::string_view key) const {
  const auto* v = json::find(*object_, key);
  return v && !v->is_null() ? v : nullptr;
}

std::string members::path_of(std::string_view key) const { return path_ + std::string(key) + "."; }

void members::wrong(std::string_view key, std::string_view wanted) const {
  throw error(errc::corrupt, "the member '" + path_ + std::string(key) + "' is of the type " +
                                 std::string(json::type_name(*find(key))) + ", not " + std::string(wanted));
}

std::optional<std::string> members::text(std::string_view key) const {
  const auto* v = find(key);
  if (!v) return std::nullopt;
  if (!v->is_string()) wrong(key, "string");
  return std::string(v->get_string());
}

std::optional<std::string> members::text_or_number(std::string_view key) const {
  const auto* v = find(key);
  if (!v) return std::nullopt;
  if (const auto whole = json::as_integer(*v)) return std::to_string(*whole);
  if (json::as_number(*v)) return json::serialize(*v);
  return text(key);
}

std::optional<double> members::number(std::string_view key) const {
  const auto* v = find(key);
  if (!v) return std::nullopt;
  const auto n = json::as_number(*v);
  if (!n) wrong(key, "number");
  return n;
}

std::optional<std::int64_t> members::seconds(std::string_view key) const {
  const auto n = number(key);
  if (!n) return std::nullopt;
  if (std::abs(*n) > 1e15) throw error(errc::corrupt, "the member '" + path_ + std::string(key) + "' is no time");
  return static_cast<std::int64_t>(*n);
}

bool members::flag(std::string_view key) const {
  const auto* v = find(key);
  if (!v) return false;
  if (!v->is_bool()) wrong(key, "boolean");
  return v->get_bool();
}

const json::object* members::object(std::string_view key) const {
  const auto* v = find(key);
  if (v && !v->is_object()) wrong(key, "object");
  return v ? v->if_object() : nullptr;
}

const json::array* members::array(std::string_view key) const {
  const auto* v = find(key);
  if (v && !v->is_array()) wrong(key, "array");
  return v ? v->if_array() : nullptr;
}

bool is_id(std::string_view id) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !id.empty() && id.size() <= max_id_bytes && id != "." && id != ".." &&
         std::all_of(id.begin(), id.end(), allowed);
}

const std::string& checked_id(const std::string& id) {
  if (!is_id(id))
    throw error(errc::invalid_argument,
                "this is no job's id: it takes 1 to 200 letters, digits, '_', '-' and '.', as the provider gave it");
  return id;
}

video_job read_video(const json::object& answer, const http::headers& headers) {
  const members m(answer);
  video_job job;
  job.id = id_in(m);
  job.status = m.text("status").value_or("unknown");
  job.progress = std::clamp(m.number("progress").value_or(0), 0.0, 100.0);
  job.model = m.text("model").value_or("");
  job.prompt = m.text("prompt").value_or("");
  job.size = m.text("size").value_or("");
  job.seconds = m.text_or_number("seconds").value_or("");
  job.created_at = m.seconds("created_at").value_or(0);
  job.completed_at = m.seconds("completed_at");
  job.expires_at = m.seconds("expires_at");
  job.remixed_from_video_id = m.text("remixed_from_video_id");
  read_error(m, job.error_code, job.error_message, answer);
  job.poll_after = poll_after(headers);
  return job;
}

video_page read_page(const json::object& answer) {
  const members m(answer);
  video_page page;
  page.has_more = m.flag("has_more");
  if (const auto* data = m.array("data"))
    for (const auto& item : *data) {
      const auto* o = item.if_object();
      if (!o) throw error(errc::corrupt, "the member 'data' holds something that is no video");
      page.videos.push_back(read_video(*o, {}));
    }
  return page;
}

image_job read_response(const json::object& answer, const http::headers& headers, bool has_image) {
  const members m(answer);
  image_job job;
  job.id = id_in(m);
  job.status = m.text("status").value_or("unknown");
  job.created_at = m.number("created_at").value_or(0);
  job.has_image = has_image;
  job.poll_after = poll_after(headers);
  read_error(m, job.error_code, job.error_message, answer);
  if (has_image || !is_final_status(job.status)) return job;
  if (const auto* details = m.object("incomplete_details"))
    if (const auto reason = members(*details, "incomplete_details.").text("reason")) {
      if (!job.error_code) job.error_code = *reason;
      if (!job.error_message) job.error_message = "it was left incomplete: " + *reason;
    }
  if (!job.error_message)
    if (const auto* output = m.array("output"))
      if (const std::string words = words_in(*output); !words.empty()) job.error_message = words;
  if (!job.error_message)
    job.error_message = job.status == "completed" ? "the model made no picture" : "it is " + job.status;
  return job;
}

image_outcome outcome_of_images(const json::object& answer, std::string_view asked_model) {
  const members m(answer);
  image_outcome outcome;
  outcome.model = m.text("model").value_or(std::string(asked_model));
  if (const auto* usage = m.object("usage")) outcome.usage = *usage;
  if (const auto* data = m.array("data"); data && !data->empty())
    if (const auto* first = data->front().if_object())
      outcome.revised_prompt = members(*first, "data[0].").text("revised_prompt").value_or("");
  return outcome;
}

image_outcome outcome_of_response(const json::object& answer) {
  const members m(answer);
  image_outcome outcome;
  outcome.model = m.text("model").value_or("");
  if (const auto* usage = m.object("usage")) outcome.usage = *usage;
  if (const auto* made = first_image_call(answer))
    outcome.revised_prompt = members(*made, "output[].").text("revised_prompt").value_or("");
  return outcome;
}

} // namespace weir::providers::openai

#include <weir/core/error.hpp>

#include <mcp/message.hpp>

#include <cmath>
#include <utility>

namespace weir::mcp::detail {

namespace {

message invalid(int code, std::string text, std::string id = "null") {
  message out;
  out.error_code = code;
  out.error_text = std::move(text);
  out.id = std::move(id);
  return out;
}

/// What a client answers to a request of ours: the result in `params`, or the error.
void read_outcome(json::object& response, message& out) {
  if (json::value* result = response.if_contains("result"); result && result->is_object()) {
    out.params = std::move(result->get_object());
    return;
  }
  out.error_code = error_code::internal;
  if (const json::value* failure = json::find(response, "error"); failure && failure->is_object())
    out.error_text = json::string_or(failure->get_object(), "message").substr(0, 500);
}

message read_object(json::object& object) {
  const json::value* id = json::find(object, "id");
  std::string text = id ? id_text(*id) : std::string();
  std::string echo = text.empty() ? "null" : text;

  if (json::string_or(object, "jsonrpc") != "2.0")
    return invalid(error_code::invalid_request, "Invalid request: \"jsonrpc\" must be \"2.0\"", echo);

  json::value* method = object.if_contains("method");
  if (!method) {
    if (object.contains("result") || object.contains("error")) {
      message out;
      out.kind = message_kind::response;
      out.id = echo;
      read_outcome(object, out);
      return out;
    }
    return invalid(error_code::invalid_request, "Invalid request: \"method\" is missing", echo);
  }
  if (!method->is_string())
    return invalid(error_code::invalid_request, "Invalid request: \"method\" must be a string", echo);
  if (id && text.empty())
    return invalid(error_code::invalid_request, "Invalid request: \"id\" must be a string or a number, and not null");

  message out;
  out.kind = id ? message_kind::request : message_kind::notification;
  out.id = echo;
  out.method.assign(method->get_string());
  if (json::value* params = object.if_contains("params")) {
    if (!params->is_object() && !id) return out; // nobody to tell: a notification is never answered
    if (!params->is_object())
      return invalid(error_code::invalid_params, "Invalid params: \"params\" must be an object", echo);
    out.params = std::move(params->get_object());
  }
  return out;
}

message read_value(json::value& value) {
  if (value.is_object()) return read_object(value.get_object());
  return invalid(error_code::invalid_request, "Invalid request: a message must be a JSON object");
}

} // namespace

std::string id_text(const json::value& value) {
  if (value.is_string()) {
    if (value.get_string().size() > 1024) return {};
    return json::serialize(value);
  }
  if (auto whole = json::as_integer(value)) return std::to_string(*whole);
  if (auto number = json::as_number(value); number && std::isfinite(*number)) return json::serialize(value);
  return {};
}

incoming read_message(std::string_view text) {
  incoming out;
  json::value value;
  try {
    json::parse_limits limits;
    limits.max_depth = max_depth;
    limits.max_bytes = text.size();
    value = json::parse(text, limits);
  } catch (const error& failure) {
    out.messages.push_back(invalid(error_code::parse_error, std::string("Parse error: ") + failure.what()));
    return out;
  }
  if (!value.is_array()) {
    out.messages.push_back(read_value(value));
    return out;
  }

  out.is_batch = true;
  json::array& batch = value.get_array();
  if (batch.empty() || batch.size() > max_batch) {
    out.is_batch = false;
    out.messages.push_back(
        invalid(error_code::invalid_request, batch.empty() ? "Invalid request: the batch is empty"
                                                           : "Invalid request: a batch may hold at most 100 messages"));
    return out;
  }
  out.messages.reserve(batch.size());
  for (json::value& entry : batch) out.messages.push_back(read_value(entry));
  return out;
}

std::string result_response(std::string_view id, std::string_view result) {
  std::string out;
  out.reserve(id.size() + result.size() + 40);
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"result":)";
  out += result;
  out += '}';
  return out;
}

std::string error_response(std::string_view id, int code, std::string_view text, const json::value* data) {
  json::object details{{"code", code}, {"message", text}};
  if (data) details.emplace("data", *data);
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"error":)";
  out += json::serialize(details);
  out += '}';
  return out;
}

std::string error_response(std::string_view id, const rpc_error& failure) {
  return error_response(id, failure.code(), failure.what(), failure.data() ? &*failure.data() : nullptr);
}

std::string notification(std::string_view method, const json::object& params) {
  json::object out{{"jsonrpc", "2.0"}, {"method", method}};
  if (!params.empty()) out.emplace("params", params);
  return json::serialize(out);
}

} // namespace weir::mcp::detail

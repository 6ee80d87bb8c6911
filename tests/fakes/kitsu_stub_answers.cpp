#include "fakes/kitsu_stub.hpp"

#include <algorithm>
#include <mutex>

namespace weir::fakes {

std::vector<stub_login> stub_logins() {
  const auto json = [](int status, std::string body) { return stub_answer{.status = status, .body = std::move(body)}; };
  return {
      {"wrong_password", json(400, R"({"login": false})")},
      {"code_wanted",
       json(400,
            R"({"error": true, "login": false, "missing_OTP": true, "preferred_two_factor_authentication": "totp",)"
            R"("two_factor_authentication_enabled": ["totp", "recovery_code"]})")},
      {"wrong_code", json(400, R"({"error": true, "login": false, "wrong_OTP": true})")},
      {"locked", json(400, R"({"error": true, "login": false, "too_many_failed_login_attemps": true})")},
      {"default_password", json(400, R"({"login": false, "default_password": true, "token": "reset-me"})")},
      {"disabled", json(401, R"({"error": true, "login": false, "unactive": true, "message": "User is unactive."})")},
      {"no_strategy", json(409, R"({"login": false})")},
      {"server_error", json(500, R"({"error": true, "login": false, "message": "Database failed"})")},
      {"empty_email", json(400, R"({"error": true, "message": "Validation error.", "data": {"errors":)"
                                R"([{"field": "email", "message": "Field required"}]}})")},
      {"page", {.status = 502, .body = "<html><title>502 Bad Gateway</title></html>", .content_type = "text/html"}},
  };
}

std::vector<stub_row> stub_rows(std::size_t count, std::string_view prefix) {
  std::vector<stub_row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = std::string(prefix) + std::to_string(i);
    rows.push_back({id, R"({"id": ")" + id + R"(", "name": "Name )" + std::to_string(i) + R"("})"});
  }
  return rows;
}

namespace {

struct shared_rows {
  std::mutex mutex;
  std::vector<stub_row> rows;
  std::function<void(std::size_t, std::vector<stub_row>&)> before_page;
};

std::string joined(const std::vector<stub_row>& rows, std::size_t from, std::size_t count) {
  std::string text = "[";
  for (std::size_t i = from; i < std::min(rows.size(), from + count); ++i) {
    if (i > from) text += ",";
    text += rows[i].json;
  }
  return text + "]";
}

/// The bytes "first-last" of `size` bytes, or nothing for a range that cannot be satisfied.
std::optional<std::pair<std::size_t, std::size_t>> range_of(const std::string& text, std::size_t size) {
  if (!text.starts_with("bytes=") || text.find(',') != std::string::npos) return std::nullopt;
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const std::string first = text.substr(6, dash - 6), last = text.substr(dash + 1);
  if (first.empty()) return std::pair(size - std::min<std::size_t>(size, std::stoul("0" + last)), size - 1);
  const std::size_t begin = std::stoul(first);
  if (begin >= size) return std::nullopt;
  return std::pair(begin, last.empty() ? size - 1 : std::min<std::size_t>(std::stoul(last), size - 1));
}

stub_answer part_of(const std::string& content, const std::string& etag, const stub_request& r) {
  const std::string modified = "Thu, 01 Jan 2026 10:00:00 GMT";
  stub_answer a{.content_type = "application/octet-stream",
                .headers = {{"ETag", etag}, {"Last-Modified", modified}, {"Accept-Ranges", "bytes"}}};
  if (r.header("If-None-Match") == etag) {
    a.status = 304;
    return a;
  }
  const std::string range = r.header("Range"), if_range = r.header("If-Range");
  if (range.empty() || (!if_range.empty() && if_range != etag && if_range != modified)) {
    a.body = content;
    return a;
  }
  const auto wanted = range_of(range, content.size());
  if (!wanted)
    return {.status = 416, .body = R"({"error": true, "message": "The server cannot provide the requested range."})"};
  a.status = 206;
  a.body = content.substr(wanted->first, wanted->second - wanted->first + 1);
  a.headers.emplace_back("Content-Range", "bytes " + std::to_string(wanted->first) + "-" +
                                              std::to_string(wanted->second) + "/" + std::to_string(content.size()));
  return a;
}

} // namespace

void kitsu_stub::list(std::string model, std::vector<stub_row> rows,
                      std::function<void(std::size_t, std::vector<stub_row>&)> before_page) {
  const auto shared = std::make_shared<shared_rows>();
  shared->rows = std::move(rows);
  shared->before_page = std::move(before_page);
  answer("GET", "data/" + model, stub_function([shared](const stub_request& r) -> stub_answer {
           const std::size_t page = std::stoul(r.parameter("page", "0"));
           const std::size_t limit = std::stoul(r.parameter("limit", "100"));
           const std::lock_guard lock(shared->mutex);
           if (shared->before_page) shared->before_page(page, shared->rows);
           if (page == 0) return {.body = joined(shared->rows, 0, shared->rows.size())};
           const std::size_t total = shared->rows.size(), offset = (page - 1) * limit;
           return {.body = R"({"data": )" + joined(shared->rows, offset, limit) + R"(, "total": )" +
                           std::to_string(total) + R"(, "nb_pages": )" + std::to_string((total + limit - 1) / limit) +
                           R"(, "limit": )" + std::to_string(limit) + R"(, "offset": )" + std::to_string(offset) +
                           R"(, "page": )" + std::to_string(page) + "}"};
         }));
}

void kitsu_stub::file(std::string path, std::string content, std::string etag) {
  answer("GET", std::move(path),
         stub_function([content = std::move(content), etag = std::move(etag)](const stub_request& r) {
           return part_of(content, etag, r);
         }));
}

} // namespace weir::fakes

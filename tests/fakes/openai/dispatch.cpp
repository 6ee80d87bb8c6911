#include "dispatch.hpp"

#include <fmt/format.h>

namespace fake {
namespace {

bool is_control(std::string_view path) { return path.starts_with("/_fake/"); }

void check_key(const call& c) {
  const auto header = c.r.header("authorization").value_or("");
  if (!lower(header.substr(0, 7)).starts_with("bearer ") || trim(header.substr(7)).empty())
    throw api_error{
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY)."};
  const auto key = trim(header.substr(7));
  if (c.w.opts.api_key.empty() || key == c.w.opts.api_key) return;
  const auto shown =
      key.size() > 8 ? fmt::format("{}****{}", key.substr(0, 4), key.substr(key.size() - 4)) : std::string("****");
  throw api_error{
      401,
      fmt::format(
          "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/account/api-keys.",
          shown),
      "invalid_request_error",
      {},
      "invalid_api_key"};
}

answer route(call& c) {
  for (const auto routes : {video_routes, image_routes, response_routes, file_routes})
    if (auto a = routes(c)) return std::move(*a);
  for (const auto* known : {"/v1/videos", "/v1/videos/*", "/v1/videos/*/content", "/v1/videos/*/remix",
                            "/v1/images/generations", "/v1/images/edits", "/v1/responses", "/v1/responses/*",
                            "/v1/responses/*/cancel", "/v1/files", "/v1/files/*", "/v1/models", "/v1/models/*"})
    if (glob_match(known, c.r.path))
      throw api_error{405,
                      fmt::format("Not allowed to {} on {}. (HINT: Perhaps you meant to use a different HTTP method?)",
                                  c.r.method, c.r.path)};
  throw api_error{404, fmt::format("Invalid URL ({} {})", c.r.method, c.r.path)};
}

std::string fingerprint(const request& r) {
  try {
    return arguments(r).fingerprint();
  } catch (const api_error&) {
    return sha256_hex(r.body);
  }
}

// The first request with a key is carried out; the same request with that key gets the same answer, waiting for it if
// need be. An error frees the key again.
answer route_once(call& c, const std::string& key) {
  const auto name = c.r.path + '\n' + key;
  const auto print = fingerprint(c.r);
  auto mine = std::make_shared<kept_answer>();
  mine->fingerprint = print;
  {
    std::unique_lock lock(c.w.mutex);
    for (;;) {
      const auto [at, fresh] = c.w.kept.try_emplace(name, mine);
      if (fresh) break;
      const auto first = at->second;
      if (first->fingerprint != print)
        throw api_error{
            400, "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            "idempotency_error"};
      if (first->ready) {
        c.w.log.replayed();
        c.note["replayed"] = true;
        auto again = first->first;
        again.headers.emplace_back("idempotent-replayed", "true");
        return again;
      }
      c.w.changed.wait_for(lock, millis(100));
      if (c.w.stopping) throw connection_lost{};
    }
  }
  const auto forget = [&] {
    const std::lock_guard lock(c.w.mutex);
    c.w.kept.erase(name);
    c.w.changed.notify_all();
  };
  try {
    c.keyed = true;
    auto a = route(c);
    const std::lock_guard lock(c.w.mutex);
    mine->first = a;
    mine->ready = true;
    c.w.changed.notify_all();
    return a;
  } catch (...) {
    forget();
    throw;
  }
}

answer carry_out(call& c) {
  if (is_control(c.r.path)) {
    if (auto a = control_routes(c)) return std::move(*a);
    throw api_error{404, fmt::format("weir-fake-openai has no {} {}", c.r.method, c.r.path)};
  }
  check_key(c);
  const auto left = c.w.take_request();
  const auto key = c.r.header("idempotency-key");
  auto a = key && c.r.method == "POST" && c.w.opts.idempotency ? route_once(c, std::string(*key)) : route(c);
  const auto limit = c.w.opts.max_requests_per_minute;
  a.headers.emplace_back("x-ratelimit-limit-requests", std::to_string(limit == 0 ? 10000 : limit));
  a.headers.emplace_back("x-ratelimit-remaining-requests", std::to_string(left));
  a.headers.emplace_back("x-ratelimit-reset-requests", "6ms");
  a.headers.emplace_back("x-ratelimit-limit-tokens", "2000000");
  a.headers.emplace_back("x-ratelimit-remaining-tokens", "1999000");
  a.headers.emplace_back("x-ratelimit-reset-tokens", "30ms");
  return a;
}

void add_retry_after(answer& a, double seconds) {
  const auto ms = static_cast<long>(seconds * 1000);
  a.headers.emplace_back("retry-after", std::to_string((ms + 999) / 1000));
  a.headers.emplace_back("retry-after-ms", std::to_string(ms));
}

answer carry_out_or_explain(call& c) {
  try {
    return carry_out(c);
  } catch (const api_error& e) {
    auto a = error_answer(e);
    if (e.status == 429) {
      add_retry_after(a, 1);
      a.headers.emplace_back("x-ratelimit-remaining-requests", "0");
      a.headers.emplace_back("x-ratelimit-reset-requests", "1s");
    }
    return a;
  } catch (const connection_lost&) {
    throw;
  } catch (const std::exception& e) {
    return error_answer({500, fmt::format("weir-fake-openai: {}", e.what()), "server_error"});
  }
}

api_error status_error(const answer_fault& f) {
  const auto code = [&](const char* usual) { return f.code.empty() ? std::string(usual) : f.code; };
  const auto any = f.code.empty() ? std::optional<std::string>{} : f.code;
  switch (f.status) {
  case 401:
    return {401,
            "Incorrect API key provided: sk-****. You can find your API key at "
            "https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            {},
            code("invalid_api_key")};
  case 403:
    return {403,
            "You are not allowed to do this.",
            "invalid_request_error",
            {},
            code("unsupported_country_region_territory")};
  case 404:
    return {404, "The requested resource was not found.", "invalid_request_error", {}, any};
  case 429:
    if (f.code == "insufficient_quota")
      return {429,
              "You exceeded your current quota, please check your plan and billing details.",
              "insufficient_quota",
              {},
              f.code};
    return {429, "Rate limit reached for requests per min (RPM).", "requests", {}, code("rate_limit_exceeded")};
  default:
    if (f.status >= 500)
      return {f.status,
              "The server had an error while processing your request. Sorry about that!",
              "server_error",
              {},
              any};
    return {f.status, "The request was refused.", "invalid_request_error", {}, any};
  }
}

answer stand_in(const call& c, const answer_fault& f) {
  answer a;
  if (f.kind == answer_fault::what::redirect) {
    a.status = f.status;
    const auto scheme = f.location.find("://");
    const bool whole = scheme != std::string::npos && f.location.find('/', scheme + 3) != std::string::npos;
    a.headers.emplace_back("Location", whole ? f.location : f.location + c.r.target);
    return a;
  }
  if (f.html) {
    a.status = f.status;
    a.headers.emplace_back("Content-Type", "text/html");
    a.body = fmt::format("<html>\r\n<head><title>{0} {1}</title></head>\r\n<body>\r\n<center><h1>{0} "
                         "{1}</h1></center>\r\n</body>\r\n</html>\r\n",
                         f.status, reason_phrase(f.status));
  } else {
    a = error_answer(status_error(f));
  }
  if (f.retry_after >= 0) add_retry_after(a, f.retry_after);
  if (f.status == 429) {
    a.headers.emplace_back("x-ratelimit-limit-requests", "10000");
    a.headers.emplace_back("x-ratelimit-remaining-requests", "0");
    a.headers.emplace_back("x-ratelimit-reset-requests",
                           fmt::format("{}s", f.retry_after < 1 ? 1 : static_cast<int>(f.retry_after)));
  }
  return a;
}

} // namespace

std::optional<answer> dispatch(call& c) {
  if (c.fx.delay_ms > 0) c.c.wait(millis(c.fx.delay_ms));
  std::optional<answer> a;
  if (!c.fx.answer || c.fx.carry_out) a = carry_out_or_explain(c);
  if (!c.fx.answer) return a;
  switch (c.fx.answer->kind) {
  case answer_fault::what::close:
    return std::nullopt;
  case answer_fault::what::hang:
    c.c.wait(millis(c.fx.answer->ms));
    return std::nullopt;
  default:
    return stand_in(c, *c.fx.answer);
  }
}

} // namespace fake

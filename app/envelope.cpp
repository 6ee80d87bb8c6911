#include "envelope.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::app {

namespace {
bool is_quiet = false;
} // namespace

failure_class classify(const error& failure) {
  // What a provider has refused is its answer, not a mistake in this command line, whatever the reason.
  if (failure.status() != 0 && failure.code() != errc::not_found) return {"api_error", exit_code::failed};
  switch (failure.code()) {
  case errc::invalid_argument:
  case errc::already_exists:
  case errc::unsupported:
  case errc::too_large:
    return {"usage", exit_code::usage};
  case errc::not_configured:
  case errc::permission_denied:
    return {"config", exit_code::config};
  case errc::not_found:
    return {"not_found", exit_code::failed};
  case errc::job_failed:
    return {"job_failed", exit_code::job_failed};
  case errc::timeout:
    return {"timeout", exit_code::timeout};
  case errc::unavailable:
  case errc::remote:
  case errc::maybe_bought:
    return {"api_error", exit_code::failed};
  case errc::corrupt:
    return {"corrupt", exit_code::failed};
  case errc::no_space:
    return {"no_space", exit_code::failed};
  case errc::deadlock:
  case errc::internal:
    break;
  }
  return {"internal", exit_code::failed};
}

envelope failed(std::string command, const error& why) {
  const auto kind = classify(why);
  envelope answer = failed(std::move(command), kind.type, why.what(), kind.code);
  if (why.status() != 0) answer.extras["status_code"] = why.status();
  if (why.code() == errc::maybe_bought) answer.extras["maybe_bought"] = true;
  return answer;
}

envelope failed(std::string command, std::string type, std::string message, int code) {
  envelope answer;
  answer.command = std::move(command);
  answer.ok = false;
  answer.error_type = std::move(type);
  answer.error_message = std::move(message);
  answer.code = code;
  return answer;
}

void print(const envelope& answer, bool pretty) {
  json::object line{{"v", 1}, {"ok", answer.ok}, {"command", answer.command}};
  if (answer.ok)
    line["result"] = answer.result;
  else
    line["error"] = json::object{{"type", answer.error_type}, {"message", answer.error_message}};
  if (answer.elapsed_seconds) line["elapsed_s"] = std::round(*answer.elapsed_seconds * 10) / 10;
  if (!answer.resume.empty()) line["resume"] = answer.resume;
  for (const auto& extra : answer.extras) line[extra.key()] = extra.value();
  const std::string text = pretty ? json::serialize_pretty(json::value(line), {.ascii_only = true})
                                  : json::serialize(line, {.ascii_only = true});
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

int combined(const std::vector<int>& codes) {
  if (codes.empty()) return exit_code::ok;
  const auto good = std::count(codes.begin(), codes.end(), exit_code::ok);
  if (good == static_cast<std::ptrdiff_t>(codes.size())) return exit_code::ok;
  if (good > 0) return exit_code::partial;
  if (std::find(codes.begin(), codes.end(), exit_code::timeout) != codes.end()) return exit_code::timeout;
  return *std::max_element(codes.begin(), codes.end());
}

void tell(const std::string& line) {
  if (is_quiet) return;
  std::string safe = "weir: ";
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      safe += escaped;
    } else {
      safe += c;
    }
  }
  std::fprintf(stderr, "%s\n", safe.c_str());
}

void set_quiet(bool quiet) { is_quiet = quiet; }

} // namespace weir::app

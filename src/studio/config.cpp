#include <weir/core/error.hpp>
#include <weir/kitsu/configured_login.hpp>
#include <weir/studio/config.hpp>

#include <sched.h>

#include <algorithm>
#include <cstdlib>

namespace weir::studio {

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

/// A folder of the user's, by the XDG base directory rules.
std::string user_folder(const environment& env, std::string_view xdg, std::string_view below_home) {
  if (const auto base = env(xdg); base && base->front() == '/') return *base + "/weir";
  const auto home = env("HOME");
  return (home ? *home : std::string("/tmp")) + "/" + std::string(below_home) + "/weir";
}

std::size_t usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

std::vector<std::pair<std::string, std::string>> header_lines(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty()) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos || colon == 0)
      throw error(errc::invalid_argument, "OPENAI_CUSTOM_HEADERS holds a line that is not 'Name: value'");
    lines.emplace_back(trimmed(std::string_view(line).substr(0, colon)),
                       trimmed(std::string_view(line).substr(colon + 1)));
  }
  return lines;
}

providers::openai_options openai_from(const environment& env) {
  providers::openai_options options;
  options.api_key = env("OPENAI_API_KEY").value_or("");
  if (auto base = env("OPENAI_BASE_URL")) {
    while (base->ends_with('/')) base->pop_back();
    if (!base->starts_with("http://") && !base->starts_with("https://"))
      throw error(errc::invalid_argument, "OPENAI_BASE_URL must begin with http:// or https://, for example "
                                          "http://127.0.0.1:8000/v1");
    options.base_url = *base;
  }
  options.organization = env("OPENAI_ORG_ID").value_or("");
  options.project = env("OPENAI_PROJECT_ID").value_or("");
  if (const auto lines = env("OPENAI_CUSTOM_HEADERS")) options.headers = header_lines(*lines);
  return options;
}

void choose_sandbox(config& settings, const environment& env, const choices& chosen) {
  std::string value = "auto";
  settings.image_sandbox_source = "the default";
  if (!chosen.image_sandbox.empty()) {
    value = chosen.image_sandbox;
    settings.image_sandbox_source = "--image-sandbox";
  } else if (const auto named = env("WEIR_IMAGE_SANDBOX")) {
    value = *named;
    settings.image_sandbox_source = "WEIR_IMAGE_SANDBOX";
  }
  if (value == "auto")
    settings.image_sandbox = media::isolation::best_effort;
  else if (value == "on")
    settings.image_sandbox = media::isolation::required;
  else if (value == "off")
    settings.image_sandbox = media::isolation::none;
  else
    throw error(errc::invalid_argument,
                settings.image_sandbox_source + " is '" + value + "'; there are on, off and auto");
}

} // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* found = std::getenv(std::string(name).c_str());
  if (!found) return std::nullopt;
  std::string value = trimmed(found);
  if (value.empty()) return std::nullopt;
  return value;
}

config load_config(const environment& env, const choices& chosen) {
  config settings;
  if (!chosen.media_dir.empty()) {
    settings.media_dir = chosen.media_dir;
    settings.media_source = "--media-dir";
  } else if (const auto own = env("WEIR_MEDIA_DIR")) {
    settings.media_dir = *own;
    settings.media_source = "WEIR_MEDIA_DIR";
  } else if (const auto other = env("SANZARU_MEDIA_PATH")) {
    settings.media_dir = *other;
    settings.media_source = "SANZARU_MEDIA_PATH";
  } else {
    settings.media_dir = user_folder(env, "XDG_DATA_HOME", ".local/share") + "/media";
    settings.media_source = "the default";
  }
  settings.recovery_dir =
      env("WEIR_RECOVERY_DIR").value_or(user_folder(env, "XDG_STATE_HOME", ".local/state") + "/recovery");

  settings.openai = openai_from(env);
  if (!chosen.provider.empty()) {
    settings.provider = chosen.provider;
    settings.provider_source = "--provider";
  } else if (const auto named = env("WEIR_PROVIDER")) {
    settings.provider = *named;
    settings.provider_source = "WEIR_PROVIDER";
  } else if (!settings.openai.api_key.empty()) {
    settings.provider = "openai";
    settings.provider_source = "OPENAI_API_KEY is set";
  } else {
    settings.provider = "slate";
    settings.provider_source = "the default without a key";
  }
  if (settings.provider != "slate" && settings.provider != "openai")
    throw error(errc::invalid_argument, settings.provider_source + " names the provider '" + settings.provider +
                                            "'; there are slate and openai");

  choose_sandbox(settings, env, chosen);
  settings.kitsu = kitsu::has_configured_login(env);
  settings.ffmpeg = env("WEIR_FFMPEG").value_or("ffmpeg");
  settings.max_image_jobs = usable_cores();
  settings.max_image_bytes = 512 * mebibyte;
  settings.max_image_pixels = 64'000'000;
  settings.max_input_bytes = 50 * mebibyte;
  return settings;
}

} // namespace weir::studio

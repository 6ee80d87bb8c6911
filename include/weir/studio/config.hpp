#pragma once

#include <weir/media/decoding.hpp>
#include <weir/providers/openai.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// The product: tools for media, and what they need.
namespace weir::studio {

/// Reads one environment variable. A variable that is blank counts as not set.
using environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The environment of this process.
std::optional<std::string> process_environment(std::string_view name);

/// What a person has chosen on the command line; empty: not chosen.
struct choices {
  std::string media_dir;
  std::string provider;
  std::string image_sandbox;
};

/// Everything that can be set. No network, no file is opened to make one.
struct config {
  std::string media_dir;    ///< holds videos/, images/, audio/ and .weir/; made on demand
  std::string media_source; ///< what named it, for `weir doctor`: a flag, a variable, the default
  std::string recovery_dir; ///< where a paid result goes that cannot be written to the media folder
  std::string provider;     ///< "slate" or "openai"
  std::string provider_source;
  providers::openai_options openai;
  std::string ffmpeg = "ffmpeg";
  media::isolation image_sandbox = media::isolation::best_effort; ///< where pictures are decoded
  std::string image_sandbox_source;
  std::size_t max_image_jobs = 1;   ///< pictures that are decoded at once: the number of cores
  std::size_t max_image_bytes = 0;  ///< memory that they may take together
  std::size_t max_image_pixels = 0; ///< of one source picture
  std::size_t max_input_bytes = 0;  ///< of one file that goes into a request
  bool kitsu = false;               ///< whether a login to a Kitsu server is configured
  std::size_t max_downloads = 32;   ///< that run at once; the rest waits in order
};

/// Returns the settings. In order of precedence: `chosen`, the environment, the defaults.
/// media: WEIR_MEDIA_DIR, SANZARU_MEDIA_PATH, else $XDG_DATA_HOME/weir/media or ~/.local/share/weir/media.
/// recovery: WEIR_RECOVERY_DIR, else $XDG_STATE_HOME/weir/recovery or ~/.local/state/weir/recovery.
/// provider: WEIR_PROVIDER, else openai where OPENAI_API_KEY is set, else slate.
/// openai: OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_CUSTOM_HEADERS.
/// image sandbox: WEIR_IMAGE_SANDBOX: on (required), off (none), auto (best_effort; the default).
/// kitsu: whether KITSU_HOST is set with KITSU_TOKEN, or with KITSU_EMAIL and KITSU_PASSWORD, or the file of `weir
/// kitsu login` is there (the one file that is looked for, and not opened). Fails: errc::invalid_argument for a value
/// that is none, naming the variable or flag.
config load_config(const environment& env = process_environment, const choices& chosen = {});

} // namespace weir::studio

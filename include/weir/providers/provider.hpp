#pragma once

#include <weir/core/task.hpp>
#include <weir/http/download.hpp>
#include <weir/providers/image.hpp>
#include <weir/providers/video.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::providers {

/// What a provider can do; a thing that it lacks is refused before anything is spent.
struct capabilities {
  bool create_video = false, remix_video = false, edit_video = false, extend_video = false;
  bool list_videos = false, delete_video = false, cancel_video = false;
  bool thumbnail = false, spritesheet = false;
  bool generate_image = false, edit_image = false, create_image = false, cancel_image = false;
  bool prices = false;      ///< can tell a cost before the purchase
  bool costs_money = false; ///< whether a call that makes something may be billed
};

/// Told how many bytes of how many have come; the total is 0 where it is not known.
using byte_progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// A maker of media. A provider overrides what it can do; the rest throws errc::unsupported with its name.
///
/// Fails (all calls): errc::not_configured (a key is missing), permission_denied (a key is refused), not_found,
/// unavailable and timeout (safe to repeat: nothing was bought), maybe_bought (a billable request may have been carried
/// out), remote (the provider's own message; `status()` has the HTTP status), unsupported.
/// Cancellation: all calls. A billable call that is cancelled after it was sent throws maybe_bought's situation to the
/// caller as `cancelled`: the caller has to note it.
/// Thread-safety: the tasks of one loop.
class provider {
 public:
  virtual ~provider() = default;

  virtual std::string_view name() const noexcept = 0;
  virtual capabilities can() const noexcept = 0;

  /// Returns what stands in the way of using it, for `weir doctor` and for errors before a purchase: an empty string
  /// where it is ready. No network.
  virtual std::string missing() const = 0;

  /// Runs beside everything else for as long as the program does, for a provider that works by itself.
  virtual task<void> serve();

  /// Names of models to try, for hints; not a limit.
  virtual std::vector<std::string> known_video_models() const { return {}; }
  virtual std::vector<std::string> known_image_models() const { return {}; }

  virtual task<video_job> create_video(video_request request); ///< also remix, edit and extend, by its operation
  virtual task<video_job> get_video(std::string id);
  virtual task<video_page> list_videos(int limit, std::optional<std::string> after, bool descending);
  virtual task<void> delete_video(std::string id);
  virtual task<video_job> cancel_video(std::string id);
  /// Returns the MIME type of what was written into `target`.
  virtual task<std::string> download_video(std::string id, video_variant variant, http::download_target& target,
                                           byte_progress progress);

  /// Makes a picture and writes it to `sink`; generate, or edit where there are inputs.
  virtual task<image_outcome> make_image(image_request request, byte_sink sink);
  virtual task<image_job> create_image(image_job_request request);
  virtual task<image_job> get_image(std::string id);
  virtual task<image_job> cancel_image(std::string id);
  /// Writes the job's picture to `sink`. Fails: also job_failed where there is none, with the reason or refusal.
  virtual task<image_outcome> download_image(std::string id, byte_sink sink);

 protected:
  /// Throws errc::unsupported: "<name> cannot <what>".
  [[noreturn]] void cannot(std::string_view what) const;
};

} // namespace weir::providers

#pragma once

#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/task_group.hpp>
#include <weir/jobs/store.hpp>
#include <weir/kitsu/client.hpp>
#include <weir/providers/provider.hpp>
#include <weir/studio/config.hpp>
#include <weir/studio/tool.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::studio {

class watcher;

/// What the tools share while a program runs: folders, the job table, providers, limits. Everything is opened at its
/// first use and off the loop, so that a server answers at once. Made by `with_studio`.
/// Thread-safety: the tasks of one loop.
class studio {
 public:
  ~studio();
  studio(const studio&) = delete;
  studio& operator=(const studio&) = delete;

  const config& settings() const noexcept { return settings_; }

  /// Return the folders, made where they are missing. Fails: errc::not_configured, permission_denied, ...
  task<files::root> media();
  task<files::root> folder(media_kind kind);
  task<files::root> recovery();
  task<jobs::store*> jobs();

  /// Returns the configured provider.
  providers::provider& provider();
  /// Returns the provider called `name`: for jobs that another one has. Fails: errc::invalid_argument.
  providers::provider& provider(std::string_view name);

  /// Returns the client of the Kitsu server that is configured, logged in. A login that fails is tried again by the
  /// next call. Fails: as kitsu::configured_login and kitsu::open_client.
  task<kitsu::client> kitsu();

  /// Follows jobs until they end.
  watcher& watching() noexcept { return *watcher_; }

  /// Picture work: at most as many at once as there are cores, and no more memory than the budget; in order of arrival.
  limiter& image_slots() noexcept { return image_slots_; }
  limiter& image_bytes() noexcept { return image_bytes_; }
  /// Returns how pictures are decoded, by the setting. The first call prepares the loop's process pool for it.
  media::decoding_options decoding();
  /// Reading, writing, listing files: short work that picture work must not hold up.
  limiter& file_work() noexcept { return file_work_; }
  limiter& downloads() noexcept { return downloads_; }

  /// Runs `work` beside everything else until it ends or the program does. What it throws is logged.
  void in_background(std::string what, task<void> work);

 private:
  friend task<void> with_studio(config settings, std::function<task<void>(studio&)> body);
  explicit studio(config settings);

  config settings_;
  task_group* background_ = nullptr;
  mutex opening_;
  std::optional<files::root> media_;
  std::map<std::string, files::root, std::less<>> folders_;
  std::optional<files::root> recovery_;
  std::unique_ptr<jobs::store> jobs_;
  std::map<std::string, std::unique_ptr<providers::provider>, std::less<>> providers_;
  std::unique_ptr<watcher> watcher_;
  mutex logging_in_;
  std::optional<kitsu::client> kitsu_;
  bool pool_configured_ = false;
  limiter image_slots_;
  limiter image_bytes_;
  limiter file_work_{16};
  limiter downloads_;
};

/// Runs `body` with a studio; what it left in the background is cancelled and awaited at the end.
task<void> with_studio(config settings, std::function<task<void>(studio&)> body);

} // namespace weir::studio

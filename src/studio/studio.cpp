#include <weir/core/error.hpp>
#include <weir/core/shield.hpp>
#include <weir/http/load_client.hpp>
#include <weir/kitsu/configured_login.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/providers/openai.hpp>
#include <weir/providers/slate.hpp>
#include <weir/studio/studio.hpp>
#include <weir/studio/watch.hpp>

#include <cstdio>
#include <limits>

namespace weir::studio {

studio::studio(config settings)
    : settings_(std::move(settings)), watcher_(std::make_unique<watcher>(*this)),
      image_slots_(settings_.max_image_jobs), image_bytes_(settings_.max_image_bytes),
      downloads_(settings_.max_downloads) {}

studio::~studio() = default;

task<files::root> studio::media() {
  auto turn = co_await opening_.lock();
  if (!media_)
    media_ = co_await run_in_threadpool(thread_options{.limiter = &file_work_}, [path = settings_.media_dir] {
      auto opened = files::root::open_or_create(path);
      files::remove_stale_parts(opened);
      return opened;
    });
  co_return *media_;
}

task<files::root> studio::folder(media_kind kind) {
  const auto name = folder_of(kind);
  if (const auto found = folders_.find(name); found != folders_.end()) co_return found->second;
  const files::root above = co_await media();
  files::root opened = co_await run_in_threadpool(thread_options{.limiter = &file_work_},
                                                  [above, name] { return above.subroot(name, true); });
  co_return folders_.emplace(name, std::move(opened)).first->second;
}

task<files::root> studio::recovery() {
  auto turn = co_await opening_.lock();
  if (!recovery_)
    recovery_ = co_await run_in_threadpool(thread_options{.limiter = &file_work_}, [path = settings_.recovery_dir] {
      return files::root::open_or_create(path);
    });
  co_return *recovery_;
}

task<jobs::store*> studio::jobs() {
  const files::root above = co_await media();
  auto turn = co_await opening_.lock();
  if (!jobs_) jobs_ = co_await jobs::store::open(above);
  co_return jobs_.get();
}

providers::provider& studio::provider() { return provider(settings_.provider); }

providers::provider& studio::provider(std::string_view name) {
  if (const auto found = providers_.find(name); found != providers_.end()) return *found->second;
  std::unique_ptr<providers::provider> made;
  if (name == "openai") {
    made = providers::make_openai(settings_.openai);
  } else if (name == "slate") {
    made =
        providers::make_slate({.folder = [this]() -> task<files::root> {
                                 const files::root above = co_await media();
                                 co_return co_await run_in_threadpool(thread_options{.limiter = &file_work_}, [above] {
                                   return above.private_root().subroot("slate", true);
                                 });
                               },
                               .ffmpeg = settings_.ffmpeg,
                               .max_renders = settings_.max_image_jobs,
                               .decoding = [this] { return decoding(); }});
  } else {
    throw error(errc::invalid_argument, "there is no provider '" + std::string(name) + "'; there are slate and openai");
  }
  auto& kept = *providers_.emplace(std::string(name), std::move(made)).first->second;
  in_background("the provider " + std::string(name), kept.serve());
  return kept;
}

task<kitsu::client> studio::kitsu() {
  auto turn = co_await logging_in_.lock();
  if (!kitsu_) {
    auto login =
        co_await run_in_threadpool(thread_options{.limiter = &file_work_}, [] { return kitsu::configured_login(); });
    co_await http::load_client();
    kitsu_ = co_await kitsu::open_client(std::move(login), {}, [](const std::string& problem) {
      std::fprintf(stderr, "weir: kitsu: %s\n", problem.c_str());
    });
  }
  co_return *kitsu_;
}

media::decoding_options studio::decoding() {
  media::decoding_options how;
  how.where = settings_.image_sandbox;
  // What all pictures may take together, and some for the process itself.
  how.max_memory_bytes = settings_.max_image_bytes + (std::size_t{64} << 20);
  if (how.where != media::isolation::none && !pool_configured_) {
    // A crash is the fault of its picture: some of them must not keep others from being decoded.
    try {
      configure_process_pool({.max_deaths = std::numeric_limits<int>::max()});
      pool_configured_ = true;
    } catch (const error&) {
      // There can be no pool here: the decoding says so, about its picture.
    }
  }
  return how;
}

void studio::in_background(std::string what, task<void> work) {
  background_->spawn([name = std::move(what), mine = std::move(work)]() mutable -> task<void> {
    try {
      co_await std::move(mine);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "weir: %s: %s\n", name.c_str(), failure.what());
    }
  });
}

task<void> with_studio(config settings, std::function<task<void>(studio&)> body) {
  studio here(std::move(settings)); // outlives what runs in its background
  co_await with_task_group([&](task_group& background) -> task<void> {
    here.background_ = &background;
    std::exception_ptr failure;
    try {
      co_await body(here);
    } catch (...) {
      failure = std::current_exception();
    }
    if (here.kitsu_) co_await shield(here.kitsu_->log_out()); // of a login that was made here; no other
    if (failure) std::rethrow_exception(failure);
    background.cancel();
  });
}

} // namespace weir::studio

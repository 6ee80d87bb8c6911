#include "providers/slate_record.hpp"
#include "providers/slate_render.hpp"

#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/task_group.hpp>
#include <weir/media/animatic.hpp>
#include <weir/offload/child.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/providers/slate.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>

namespace weir::providers {

namespace {

using namespace std::chrono_literals;
using slate::record;

constexpr auto poll_interval = 100ms;
constexpr slate::extent default_video{1280, 720};
constexpr slate::extent default_image{1024, 1024};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string seconds_text(double seconds) {
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

class slate_provider final : public provider {
 public:
  explicit slate_provider(slate_provider_options options)
      : options_(std::move(options)), renders_(options_.max_renders), drawings_(options_.max_renders) {}

  std::string_view name() const noexcept override { return "slate"; }
  capabilities can() const noexcept override {
    capabilities all;
    all.create_video = all.remix_video = all.list_videos = all.delete_video = all.cancel_video = true;
    all.thumbnail = all.spritesheet = true;
    all.generate_image = all.edit_image = all.create_image = true;
    return all;
  }
  std::string missing() const override { return {}; }
  std::vector<std::string> known_video_models() const override { return {"slate"}; }
  std::vector<std::string> known_image_models() const override { return {"slate"}; }

  task<void> serve() override {
    co_await with_task_group([this](task_group& group) -> task<void> {
      struct on_exit {
        slate_provider& self;
        ~on_exit() { self.group_ = nullptr; }
      } at_end{*this};
      group_ = &group;
      event never;
      co_await never.wait();
    });
  }

  task<video_job> create_video(video_request request) override {
    if (request.operation == video_operation::edit) cannot("edit videos");
    if (request.operation == video_operation::extend) cannot("extend videos");
    const files::root folder = co_await the_folder();
    record job = new_record("video", "video_", request.prompt, request.model);
    if (request.operation == video_operation::remix) {
      const record source = co_await load(request.source_id);
      if (source.kind != "video" || source.status != "completed")
        throw error(errc::invalid_argument,
                    "the video '" + request.source_id + "' is not completed: only completed videos can be remixed");
      job.width = source.width;
      job.height = source.height;
      job.seconds = source.seconds;
      job.model = source.model;
      job.remixed_from = source.id;
      if (source.has_reference)
        request.reference = co_await run_in_threadpool([folder, source] {
          return input_file{source.reference(), "image/*",
                            std::make_shared<const files::file>(folder.open_read(source.reference()))};
        });
    } else {
      const auto size = slate::parse_size(request.size.value_or(""), default_video);
      job.width = size.width & ~1u; // H.264 with 4:2:0 has even sides
      job.height = size.height & ~1u;
      job.seconds = slate::parse_seconds(request.seconds.value_or(""));
    }
    if (find_program(options_.ffmpeg).empty())
      throw error(errc::not_configured, options_.ffmpeg +
                                            " was not found, and videos need it: apt-get install ffmpeg, or "
                                            "set WEIR_FFMPEG");
    job.has_reference = request.reference.has_value();
    co_await run_in_threadpool([folder, job, picture = request.reference] {
      if (picture) slate::keep_reference(folder, job, *picture);
      slate::save(folder, job);
    });
    co_return to_video(job);
  }

  task<video_job> get_video(std::string id) override {
    const record job = co_await load(std::move(id), "video");
    see_to(job);
    co_return to_video(job);
  }

  task<video_page> list_videos(int limit, std::optional<std::string> after, bool descending) override {
    const files::root folder = co_await the_folder();
    auto jobs = co_await run_in_threadpool([folder] { return slate::all(folder, "video"); });
    if (!descending) std::reverse(jobs.begin(), jobs.end());
    auto from = jobs.begin();
    if (after) {
      from = std::find_if(jobs.begin(), jobs.end(), [&](const record& job) { return job.id == *after; });
      if (from == jobs.end()) throw error(errc::not_found, "after: the provider slate has no video '" + *after + "'");
      ++from;
    }
    video_page page;
    for (; from != jobs.end() && page.videos.size() < static_cast<std::size_t>(std::max(0, limit)); ++from)
      page.videos.push_back(to_video(*from));
    page.has_more = from != jobs.end();
    co_return page;
  }

  task<void> delete_video(std::string id) override {
    const record job = co_await load(std::move(id), "video");
    stop_render(job.id);
    const files::root folder = co_await the_folder();
    co_await run_in_threadpool([folder, job] { slate::remove(folder, job.id); });
  }

  task<video_job> cancel_video(std::string id) override {
    record job = co_await load(std::move(id), "video");
    if (!job.is_final()) {
      job.status = "cancelled";
      co_await save(job);
      stop_render(job.id);
    }
    co_return to_video(job);
  }

  task<std::string> download_video(std::string id, video_variant variant, http::download_target& target,
                                   byte_progress progress) override {
    const record job = co_await load(std::move(id), "video");
    if (job.status != "completed")
      throw error(errc::unavailable, "the video '" + job.id + "' is " + job.status + ": there is nothing to save yet");
    const files::root folder = co_await the_folder();
    const byte_sink sink = [&target](std::span<const std::byte> bytes) { target.write(bytes); };
    if (variant == video_variant::thumbnail) {
      co_await draw(folder, job, [sink](const media::rgb_image& card, std::stop_token stop) {
        slate::encode(media::animatic_thumbnail(card), "webp", sink, stop);
      });
      co_return "image/webp";
    }
    if (variant == video_variant::spritesheet) {
      co_await draw(folder, job, [sink](const media::rgb_image& card, std::stop_token stop) {
        slate::encode(media::animatic_spritesheet(card), "jpeg", sink, stop);
      });
      co_return "image/jpeg";
    }
    const auto copied = co_await run_in_threadpool(
        [folder, job, sink](std::stop_token stop) { return copy_film(folder, job, sink, stop); });
    if (progress) progress(copied, copied);
    co_return "video/mp4";
  }

  task<image_outcome> make_image(image_request request, byte_sink sink) override {
    refuse_what_cannot_be_drawn(request.background, request.mask);
    record job = new_record("image", "resp_", request.prompt, request.model);
    const auto size = slate::parse_size(request.size, default_image);
    job.width = size.width;
    job.height = size.height;
    job.output_format = request.output_format;
    const files::root folder = co_await the_folder();
    job.has_reference = !request.inputs.empty();
    std::exception_ptr failure;
    const auto clean_up = [&]() -> task<void> {
      if (job.has_reference)
        co_await run_in_threadpool([&] {
          try {
            slate::remove(folder, job.id);
          } catch (const error&) {}
        });
    };
    try {
      if (job.has_reference)
        co_await run_in_threadpool([&] { slate::keep_reference(folder, job, request.inputs.front()); });
      co_await draw_file(folder, job, sink);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await shield(clean_up());
    if (failure) std::rethrow_exception(failure);
    co_return image_outcome{job.model, nullptr, {}};
  }

  task<image_job> create_image(image_job_request request) override {
    refuse_what_cannot_be_drawn(json::string_or(request.tool_config, "background", "auto"), request.mask);
    if (request.previous_response_id) co_await load(*request.previous_response_id, "image");
    record job = new_record("image", "resp_", request.prompt, request.model);
    const auto size = slate::parse_size(json::string_or(request.tool_config, "size", "auto"), default_image);
    job.width = size.width;
    job.height = size.height;
    job.output_format = json::string_or(request.tool_config, "output_format", "png");
    if (job.output_format != "png" && job.output_format != "jpeg" && job.output_format != "webp")
      throw error(errc::invalid_argument, "tool_config: the provider slate makes png, jpeg and webp");
    job.has_reference = !request.inputs.empty();
    // Drawn when it is fetched: there is nothing to wait for.
    job.status = "completed";
    job.completed_at = now_ns() / 1'000'000'000;
    const files::root folder = co_await the_folder();
    co_await run_in_threadpool([folder, job, inputs = request.inputs] {
      if (!inputs.empty()) slate::keep_reference(folder, job, inputs.front());
      slate::save(folder, job);
    });
    co_return to_image(job);
  }

  task<image_job> get_image(std::string id) override { co_return to_image(co_await load(std::move(id), "image")); }

  task<image_outcome> download_image(std::string id, byte_sink sink) override {
    const record job = co_await load(std::move(id), "image");
    const files::root folder = co_await the_folder();
    co_await draw_file(folder, job, sink);
    co_return image_outcome{job.model, nullptr, {}};
  }

 private:
  struct render_state {
    task_handle handle;
    double part = 0;
  };

  /// A picture takes a core and up to 100 MB: as many at once as there are cores, the rest waits in order.
  template <class F>
  task<void> draw(files::root folder, record job, F use) {
    auto turn = co_await drawings_.acquire();
    limiter all(limiter::unlimited); // the turn has done the counting
    auto reference = co_await slate::reference_of(folder, job, decoding());
    co_await run_in_threadpool(thread_options{.limiter = &all}, [&](std::stop_token stop) {
      use(slate::card_of(job, std::move(reference), stop), stop);
    });
  }
  task<void> draw_file(files::root folder, record job, byte_sink sink) {
    return draw(std::move(folder), job,
                [sink, format = job.output_format](const media::rgb_image& card, std::stop_token stop) {
                  slate::encode(card, format, sink, stop);
                });
  }

  media::decoding_options decoding() const {
    return options_.decoding ? options_.decoding() : media::decoding_options();
  }

  static record new_record(const char* kind, const char* prefix, const std::string& prompt, const std::string& model) {
    record job;
    job.id = slate::new_id(prefix);
    job.kind = kind;
    job.prompt = prompt;
    job.model = model.empty() ? "slate" : model;
    job.created_ns = now_ns();
    return job;
  }

  void refuse_what_cannot_be_drawn(const std::string& background, const std::optional<input_file>& mask) const {
    if (background == "transparent") cannot("make transparent pictures");
    if (mask) cannot("apply masks");
  }

  static std::uint64_t copy_film(const files::root& folder, const record& job, const byte_sink& sink,
                                 const std::stop_token& stop) {
    const auto film = folder.open_read(job.film());
    std::vector<std::byte> piece(std::size_t{256} << 10);
    off_t at = 0;
    for (;;) {
      if (stop.stop_requested()) throw cancelled{};
      const ssize_t n = ::pread(film.fd.get(), piece.data(), piece.size(), at);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw errno_error(errno, "the film of '" + job.id + "'");
      if (n == 0) return static_cast<std::uint64_t>(at);
      sink(std::span(piece).first(static_cast<std::size_t>(n)));
      at += n;
    }
  }

  task<files::root> the_folder() {
    if (!folder_) folder_ = co_await options_.folder();
    co_return *folder_;
  }

  task<record> load(std::string id, std::string kind = {}) {
    const files::root folder = co_await the_folder();
    record job = co_await run_in_threadpool([folder, id] { return slate::load(folder, id); });
    if (!kind.empty() && job.kind != kind) throw error(errc::invalid_argument, "the job '" + id + "' makes no " + kind);
    co_return job;
  }

  task<void> save(record job) {
    const files::root folder = co_await the_folder();
    co_await run_in_threadpool([folder, job] { slate::save(folder, job); });
  }

  /// Renders the job unless it is done or somebody does already.
  void see_to(const record& job) {
    if (job.is_final() || !group_ || rendering_.contains(job.id)) return;
    rendering_[job.id] = {};
    // The entry is there first: a render that ends at once takes it away again.
    const auto handle = group_->spawn(render(job.id));
    if (const auto found = rendering_.find(job.id); found != rendering_.end()) found->second.handle = handle;
  }

  void stop_render(const std::string& id) {
    if (const auto found = rendering_.find(id); found != rendering_.end()) found->second.handle.cancel();
  }

  task<void> render(std::string id) {
    struct on_exit {
      slate_provider& self;
      const std::string& id;
      ~on_exit() { self.rendering_.erase(id); }
    } at_end{*this, id};
    try {
      auto turn = co_await renders_.acquire();
      const files::root folder = co_await the_folder();
      // One process renders; the claim dies with it, so that another one can take over.
      const unique_fd claim = co_await run_in_threadpool([folder, id] { return slate::claim(folder, id); });
      if (!claim) co_return;
      record job = co_await load(id);
      if (job.is_final()) co_return;
      job.status = "in_progress";
      co_await save(job);
      std::string why;
      try {
        co_await slate::render_film(folder, job, decoding(), [this, id](double part) {
          if (const auto found = rendering_.find(id); found != rendering_.end()) found->second.part = part;
        });
      } catch (const error& failure) {
        why = failure.what();
      }
      const record now = co_await load(id);
      if (now.is_final()) co_return; // cancelled by another process meanwhile
      job.status = why.empty() ? "completed" : "failed";
      job.error = why;
      job.completed_at = now_ns() / 1'000'000'000;
      co_await save(job);
    } catch (const error&) {
      // Deleted meanwhile, or the folder is gone: whoever asks for the job is told.
    }
  }

  video_job to_video(const record& job) const {
    video_job out;
    out.id = job.id;
    out.status = job.status;
    if (const auto running = rendering_.find(job.id); running != rendering_.end())
      out.progress = std::floor(99 * running->second.part);
    if (job.status == "completed") out.progress = 100;
    out.model = job.model;
    out.prompt = job.prompt;
    out.size = std::to_string(job.width) + "x" + std::to_string(job.height);
    out.seconds = seconds_text(job.seconds);
    out.created_at = job.created_ns / 1'000'000'000;
    if (job.completed_at) out.completed_at = job.completed_at;
    if (!job.remixed_from.empty()) out.remixed_from_video_id = job.remixed_from;
    if (!job.error.empty()) {
      out.error_code = "render_failed";
      out.error_message = job.error;
    }
    out.poll_after = poll_interval;
    return out;
  }

  static image_job to_image(const record& job) {
    image_job out;
    out.id = job.id;
    out.status = job.status;
    out.created_at = static_cast<double>(job.created_ns / 1'000'000'000);
    out.has_image = job.status == "completed";
    out.poll_after = poll_interval;
    return out;
  }

  slate_provider_options options_;
  limiter renders_;
  limiter drawings_;
  std::optional<files::root> folder_;
  task_group* group_ = nullptr;
  std::map<std::string, render_state> rendering_;
};

} // namespace

std::unique_ptr<provider> make_slate(slate_provider_options options) {
  return std::make_unique<slate_provider>(std::move(options));
}

} // namespace weir::providers

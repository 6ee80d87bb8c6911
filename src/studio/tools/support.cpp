#include "studio/tools/support.hpp"

#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/media/image_info.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

namespace weir::studio::tools {

namespace {

/// Enough of a file to find a picture's sides in: a JPEG may have a profile and a preview in front of them.
constexpr std::size_t head_bytes = 256 * 1024;

std::vector<std::byte> read_head(int fd) {
  std::vector<std::byte> head(head_bytes);
  std::size_t filled = 0;
  while (filled < head.size()) {
    const ssize_t n = ::pread(fd, head.data() + filled, head.size() - filled, static_cast<off_t>(filled));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    filled += static_cast<std::size_t>(n);
  }
  head.resize(filled);
  return head;
}

std::string short_name(media::image_format format) {
  switch (format) {
  case media::image_format::jpeg:
    return "jpeg";
  case media::image_format::png:
    return "png";
  case media::image_format::webp:
    return "webp";
  default:
    return "unknown";
  }
}

} // namespace

task<providers::input_file> open_picture(call& run, std::string name) {
  const place where = co_await run.input(media_kind::image, name);
  const std::size_t limit = run.in().settings().max_input_bytes;
  co_return co_await run_in_threadpool(
      thread_options{.limiter = &run.in().file_work()}, [where, limit, name]() -> providers::input_file {
        auto opened = std::make_shared<files::file>(where.root.open_read(where.name));
        if (opened->info.size_bytes > limit)
          throw error(errc::too_large, "'" + files::display_name(name) + "' is larger than " +
                                           std::to_string(limit >> 20) + " MiB, the most that goes into a request");
        const auto head = read_head(opened->fd.get());
        const auto info = media::probe_image(head);
        if (!info)
          throw error(errc::unsupported,
                      "'" + files::display_name(name) + "' is no JPEG, PNG or WebP picture, whatever its name says");
        return {name, std::string(media::mime_type(info->format)), std::move(opened)};
      });
}

task<std::vector<providers::input_file>> open_pictures(call& run, const std::vector<std::string>& names) {
  std::vector<providers::input_file> opened;
  for (const auto& name : names) opened.push_back(co_await open_picture(run, name));
  co_return opened;
}

task<std::optional<providers::input_file>> open_mask(call& run, const std::optional<std::string>& name) {
  if (!name) co_return std::nullopt;
  auto mask = co_await open_picture(run, *name);
  if (mask.mime_type != "image/png")
    throw error(errc::invalid_argument,
                "mask_filename: '" + files::display_name(*name) + "' must be a PNG with an alpha channel");
  co_return mask;
}

task<jobs::job> job_for(studio& in, std::string handle, std::string kind) {
  if (const auto known = co_await find_job(in, handle)) {
    if (known->kind != kind)
      throw error(errc::invalid_argument, "'" + handle + "' is the job of a" +
                                              (known->kind == "image" ? std::string("n image") : " " + known->kind) +
                                              ", not of a" + (kind == "image" ? "n image" : " " + kind));
    if (known->remote_id.empty())
      throw error(known->status == jobs::job_status::unknown_outcome ? errc::maybe_bought : errc::job_failed,
                  "the job '" + handle + "' has no answer from " + known->provider + ": " +
                      (known->error_message.empty() ? std::string(to_string(known->status)) : known->error_message));
    co_return *known;
  }
  providers::provider& maker = in.provider();
  require_ready(maker);
  jobs::job found;
  found.kind = kind;
  found.provider = maker.name();
  found.operation = "found";
  if (kind == "video")
    note(found, co_await maker.get_video(handle));
  else
    note(found, co_await maker.get_image(handle));
  found.id = handle;
  jobs::store* table = co_await in.jobs();
  try {
    co_return co_await table->insert(found);
  } catch (const error& failure) {
    if (failure.code() != errc::already_exists) throw;
  }
  // Another call was faster.
  if (auto known = co_await find_job(in, handle)) co_return *known;
  co_return found;
}

void require_ready(const providers::provider& maker) {
  if (const std::string what = maker.missing(); !what.empty()) throw error(errc::not_configured, what);
}

task<picture_facts> facts_of(call& run, const produced_file& file) {
  const destination where = co_await run.output(file.kind, file.name);
  co_return co_await run_in_threadpool(
      thread_options{.limiter = &run.in().file_work()}, [where, name = file.name]() -> picture_facts {
        const auto opened = where.root.open_read(name);
        const auto info = media::probe_image(read_head(opened.fd.get()));
        if (!info) throw error(errc::corrupt, "'" + name + "' was written, but it is no picture");
        return {{static_cast<int>(info->width), static_cast<int>(info->height)}, short_name(info->format)};
      });
}

void add_digest(json::object& result, const produced_file& file) {
  result["bytes"] = file.bytes;
  result["sha256"] = file.sha256;
}

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace weir::studio::tools

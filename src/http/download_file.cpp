#include <weir/files/async.hpp>
#include <weir/http/download_file.hpp>
#include <weir/offload/threadpool.hpp>

#include <memory>

namespace weir::http {

file_target::file_target(files::root in, std::string name, files::publish_options options)
    : in_(std::move(in)), name_(std::move(name)), options_(options),
      file_(files::publication::reserve(in_, name_, options_)) {}

void file_target::reset() {
  if (file_.bytes() != 0) file_ = files::publication::reserve(in_, name_, options_);
}

task<file_download> download_file(client& web, client_request request, files::root in, std::string name,
                                  files::publish_options publish, download_options options) {
  const thread_options threads{.limiter = options.limiter ? options.limiter : &files::file_limiter()};
  if (publish.max_bytes != 0 && (options.max_bytes == 0 || options.max_bytes > publish.max_bytes))
    options.max_bytes = publish.max_bytes;
  const auto target = co_await run_in_threadpool(
      threads, [in, name, publish] { return std::make_unique<file_target>(in, name, publish); });
  file_download result;
  result.download = co_await download(web, std::move(request), *target, std::move(options));
  result.file = co_await run_in_threadpool(threads, [&] { return target->file().commit(); });
  co_return result;
}

} // namespace weir::http

#include "http/url.hpp"

#include <weir/core/shield.hpp>
#include <weir/files/async.hpp>
#include <weir/http/resumable_download.hpp>
#include <weir/offload/threadpool.hpp>

#include <exception>
#include <memory>
#include <stop_token>
#include <utility>

namespace weir::http {
namespace {

task<file_download> fill(client& web, client_request request, part_target& target, download_options options) {
  const thread_options threads{.limiter = options.limiter};
  options.resume_from = target.resume_from();
  file_download result;
  result.download = co_await download(web, std::move(request), target, std::move(options));
  result.file = co_await run_in_threadpool(threads, [&] { return target.part().commit(); });
  co_return result;
}

} // namespace

task<file_download> download_resumable(client& web, client_request request, files::root in, std::string name,
                                       files::publish_options publish, download_options options, std::string identity) {
  if (options.resume_from)
    throw error(errc::invalid_argument, "leave resume_from out: a resumable download finds out itself what is there");
  if (!options.limiter) options.limiter = &files::file_limiter();
  const thread_options threads{.limiter = options.limiter};
  if (publish.max_bytes != 0 && (options.max_bytes == 0 || options.max_bytes > publish.max_bytes))
    options.max_bytes = publish.max_bytes;
  if (identity.empty()) identity = detail::without_user(request.url);

  auto target = co_await run_in_threadpool(threads, [&](std::stop_token stop) {
    return std::make_unique<part_target>(files::part_file::open(in, name, identity, publish, stop));
  });
  file_download result;
  std::exception_ptr failure;
  try {
    result = co_await fill(web, std::move(request), *target, std::move(options));
  } catch (...) {
    failure = std::current_exception(); // a cancellation too; it goes on below
  }
  // Its end writes to the disk, and lets the next call in: both before anybody hears of this one's.
  co_await shield(run_in_threadpool(threads, [&] { target.reset(); }));
  if (failure) std::rethrow_exception(failure);
  co_return result;
}

} // namespace weir::http

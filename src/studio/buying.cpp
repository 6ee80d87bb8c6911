#include "studio/buying.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace weir::studio {

namespace {

files::root folder_in(const files::root& media) { return media.private_root().subroot("buying", true); }

} // namespace

buying::buying(const files::root& media, std::string job_id) : folder_(folder_in(media)), name_(std::move(job_id)) {
  lock_.reset(::openat(folder_.fd(), name_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_) throw errno_error(errno, "the mark of the purchase '" + name_ + "'");
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw error(errc::internal, "the purchase '" + name_ + "' is being sent already");
}

buying::~buying() { ::unlinkat(folder_.fd(), name_.c_str(), 0); }

bool buying::is_given_up(const files::root& media, const std::string& job_id) {
  const files::root folder = folder_in(media);
  const unique_fd found(::openat(folder.fd(), job_id.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  // Where there is none, the sender has written the outcome and gone: the table knows more than the caller.
  if (!found) return errno == ENOENT;
  if (::flock(found.get(), LOCK_EX | LOCK_NB) != 0) return false;
  ::unlinkat(folder.fd(), job_id.c_str(), 0);
  return true;
}

task<jobs::job> settled(studio& in, jobs::job job) {
  if (job.status != jobs::job_status::submitting) co_return job;
  const files::root media = co_await in.media();
  const bool given_up = co_await run_in_threadpool(thread_options{.limiter = &in.file_work()},
                                                   [media, id = job.id] { return buying::is_given_up(media, id); });
  if (!given_up) co_return job;
  jobs::store* table = co_await in.jobs();
  co_return co_await table->modify(job.id, [](jobs::job& row) {
    if (row.status != jobs::job_status::submitting) return;
    row.status = jobs::job_status::unknown_outcome;
    row.error_code = to_string(errc::maybe_bought);
    row.error_message = "the program ended while it was being sent; it may have been bought";
  });
}

} // namespace weir::studio

#include "studio/buying.hpp"

#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/shield.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/purchase.hpp>

#include <sys/random.h>

#include <array>
#include <memory>

namespace weir::studio {

namespace {

/// 128 random bits as hexadecimal digits: an id that cannot be guessed, a key that is never used twice.
std::string random_name(std::string_view prefix) {
  std::array<unsigned char, 16> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw error(errc::internal, "the system has no random numbers");
  std::string name(prefix);
  constexpr std::string_view digits = "0123456789abcdef";
  for (const unsigned char byte : bytes) {
    name += digits[byte >> 4];
    name += digits[byte & 15];
  }
  return name;
}

/// What the purchase in the background and the caller who waits for it share.
struct deal {
  jobs::job job;
  std::exception_ptr failure;
  event ended;
  std::unique_ptr<buying> mark; ///< until the outcome is in the table
};

task<void> carry_out(studio& in, std::shared_ptr<deal> shared, buy send) {
  struct on_exit {
    deal& d;
    ~on_exit() { d.ended.set(); }
  } at_end{*shared};
  jobs::job& job = shared->job;
  std::exception_ptr interrupted;
  try {
    co_await send(job);
  } catch (const cancelled&) {
    interrupted = std::current_exception();
    job.status = jobs::job_status::unknown_outcome;
    job.error_code = to_string(errc::maybe_bought);
    job.error_message = "interrupted while it was being sent; it may have been bought";
  } catch (const error& failure) {
    shared->failure = std::current_exception();
    const bool open = failure.code() == errc::maybe_bought;
    // A result that was bought, and kept somewhere else than asked, is no failure of the purchase.
    if (job.status == jobs::job_status::submitting)
      job.status = open ? jobs::job_status::unknown_outcome : jobs::job_status::failed;
    job.error_code = to_string(failure.code());
    job.error_message = failure.what();
  } catch (const std::exception& failure) {
    shared->failure = std::current_exception();
    job.status = jobs::job_status::unknown_outcome;
    job.error_code = to_string(errc::internal);
    job.error_message = failure.what();
  }
  send = nullptr; // what it has written so far and could not publish takes room that the table may need
  jobs::store* table = co_await shield(in.jobs());
  job = co_await shield(table->update(job));
  co_await shield(run_in_threadpool([&mark = shared->mark] { mark.reset(); }));
  if (interrupted) std::rethrow_exception(interrupted);
}

} // namespace

const std::string& handle_of(const jobs::job& job) noexcept { return job.remote_id.empty() ? job.id : job.remote_id; }

task<std::optional<jobs::job>> find_job(studio& in, std::string handle) {
  jobs::store* table = co_await in.jobs();
  if (auto own = co_await table->get(handle)) co_return co_await settled(in, *own);
  for (const std::string_view name :
       {std::string_view(in.settings().provider), std::string_view("openai"), std::string_view("slate")})
    if (auto found = co_await table->find_remote(std::string(name), handle)) co_return found;
  co_return std::nullopt;
}

task<jobs::job> purchase(studio& in, jobs::job draft, buy send) {
  draft.id = random_name("job_");
  draft.idempotency_key = random_name("weir-");
  draft.status = jobs::job_status::submitting;
  draft.attempts = 1;
  jobs::store* table = co_await in.jobs();
  const files::root media = co_await in.media();
  auto shared = std::make_shared<deal>();
  shared->mark = co_await run_in_threadpool(thread_options{.limiter = &in.file_work()},
                                            [media, id = draft.id] { return std::make_unique<buying>(media, id); });
  shared->job = co_await table->insert(std::move(draft));
  in.in_background("a purchase", carry_out(in, shared, std::move(send)));
  co_await shared->ended.wait();
  if (!shared->failure) co_return shared->job;
  if (shared->job.status == jobs::job_status::unknown_outcome)
    throw error(errc::maybe_bought, shared->job.error_message +
                                        ". It was not sent again. To look: list_videos or the provider's own pages; "
                                        "the job is '" +
                                        shared->job.id + "', its Idempotency-Key '" + shared->job.idempotency_key +
                                        "'");
  std::rethrow_exception(shared->failure);
}

} // namespace weir::studio

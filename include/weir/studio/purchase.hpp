#pragma once

#include <weir/studio/studio.hpp>

#include <functional>

namespace weir::studio {

/// What a purchase does at the provider: sends the request with `job.idempotency_key`, and writes what came back
/// (remote_id, status, progress, result, recovered) into `job`.
using buy = std::function<task<void>(jobs::job& job)>;

/// Buys something: a job with a fresh idempotency key is in the table, on the disk, before `send` is called; its
/// outcome is written afterwards, whatever happens to the caller. `draft` needs kind, provider, operation and request.
/// Returns the job as it is in the table.
/// Fails: as `send`. errc::maybe_bought where it may have been carried out; its text names the job and how to look.
/// Cancellation: the caller stops waiting; the purchase goes on in the background and ends in the table.
task<jobs::job> purchase(studio& in, jobs::job draft, buy send);

/// Returns the name under which the user knows `job`: the provider's id, or the table's own until there is one.
const std::string& handle_of(const jobs::job& job) noexcept;

/// Returns the job that the user calls `handle`, if the table has it.
task<std::optional<jobs::job>> find_job(studio& in, std::string handle);

} // namespace weir::studio

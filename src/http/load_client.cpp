#include "http/multi.hpp"

#include <weir/core/mutex.hpp>
#include <weir/http/load_client.hpp>
#include <weir/offload/threadpool.hpp>

#include <atomic>
#include <memory>

namespace weir::http {

namespace {

std::atomic<bool> loaded{false};

/// Of one loop: a crowd of first calls would keep a pool thread each waiting.
struct loading : mutex {
  loading() : mutex("load of libcurl") {}
};

} // namespace

task<void> load_client() {
  if (loaded.load(std::memory_order_acquire)) co_return;
  const auto turn = co_await loop::current().local<loading>([] { return std::make_shared<loading>(); }).lock();
  if (loaded.load(std::memory_order_acquire)) co_return;
  limiter all(limiter::unlimited); // not behind forty functions that take their time
  co_await run_in_threadpool(thread_options{.limiter = &all}, detail::init_libcurl);
  loaded.store(true, std::memory_order_release);
}

} // namespace weir::http

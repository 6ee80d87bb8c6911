#include "offload/thread_pool.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/from_thread.hpp>

namespace weir {

namespace {

const char loan_key = 0;

detail::thread_job& this_threads_job() {
  if (!detail::current_job)
    throw error(errc::unavailable, "this thread runs no function of run_in_threadpool: it has no loop to go back to; "
                                   "pass a loop_handle");
  return *detail::current_job;
}

detail::loop_address home_of(const detail::thread_job& job) { return job.address ? job.address : job.home->address(); }

} // namespace

bool this_job::exists() noexcept { return detail::current_job != nullptr; }

loop_handle this_job::home() { return loop_handle(home_of(this_threads_job())); }

bool this_job::is_cancelled() { return this_threads_job().cancelled.load(std::memory_order_relaxed); }

void this_job::throw_if_cancelled() {
  if (is_cancelled()) throw cancelled{};
}

namespace detail {

loan::loan(const void* l, std::shared_ptr<const context_frame> outside)
    : context_frame(&loan_key, std::move(outside)), limit(l), place(std::make_shared<lane>(1, nullptr)) {}

lane* lent_lane(const void* limit, const context_frame* context) noexcept {
  for (; context; context = context->outer.get())
    if (context->key == &loan_key)
      if (const auto* lent = static_cast<const loan*>(context); lent->limit == limit) return lent->place.get();
  return nullptr;
}

void throw_loop_gone() { throw error(errc::unavailable, "the loop has ended"); }

void refuse_on_loop_thread() {
  if (loop::current_or_null())
    throw error(errc::deadlock, "run_on_loop was called on a thread that runs a loop, which must not block: await the "
                                "task instead");
}

loop_caller caller_of_this_job() {
  thread_job& job = this_threads_job();
  return {home_of(job), job.caller, std::make_shared<const loan>(job.limit, shared_context_here())};
}

loop_caller caller_by_handle(const loop_handle& where) {
  if (!where) throw error(errc::unavailable, "this loop_handle refers to no loop");
  return {where.address(), nullptr, shared_context_here()};
}

loop_call::loop_call(loop_caller caller) noexcept : caller_(std::move(caller)) {
  run = [](ready_node* node) noexcept { static_cast<loop_call*>(node)->arrived(); };
  finished = [](completion* ended) noexcept -> std::coroutine_handle<> {
    auto* self = static_cast<loop_call*>(ended);
    self->end();
    self->done();
    return std::noop_coroutine();
  };
  name = "a call from a thread";
}

void loop_call::arrived() noexcept {
  loop& here = loop::current();
  scope* outer = caller_.inside ? caller_.inside : here.root();
  if (!outer) {
    try {
      throw_loop_gone();
    } catch (...) {
      failure_ = std::current_exception();
    }
    return done();
  }
  inside_.emplace(*outer);
  inside_->context = caller_.context.get();
  here.begin_guest();
  scope* before = std::exchange(current_scope, &*inside_);
  begin();
  current_scope = before;
}

void loop_call::perform() {
  if (!caller_.to.post(this)) throw_loop_gone();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
}

void loop_call::done() noexcept {
  if (inside_) {
    inside_->owner().end_guest();
    inside_.reset();
  }
  std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_one();
}

} // namespace detail
} // namespace weir

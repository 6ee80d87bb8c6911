#include "jobs/queue.hpp"

#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/jobs/store.hpp>
#include <weir/json/suggest.hpp>
#include <weir/offload/threadpool.hpp>

#include <unordered_map>

namespace weir::jobs {

struct store::state {
  explicit state(std::unique_ptr<detail::database> db) : queue(std::move(db)) {}

  detail::request_queue queue;
  limiter turn{1};   // who holds it works on the queue
  limiter thread{1}; // apart from the default limiter: forty slow jobs there must not stop the table
  std::unordered_map<std::string, std::weak_ptr<event>> watchers;

  /// Wakes those who wait for what has changed.
  void notify() {
    for (const auto& id : queue.take_changed())
      if (const auto found = watchers.find(id); found != watchers.end()) {
        if (const auto e = found->second.lock()) e->set();
        watchers.erase(found);
      }
  }

  /// Waits, whatever happens to the caller, until nobody works on the queue.
  task<void> idle() { const permit mine = co_await turn.acquire(); }

  task<void> perform(std::shared_ptr<detail::request> r);
  template <class Result>
  task<Result> call(bool writes, std::string changes, std::function<Result(detail::database&)> work);
};

task<void> store::state::perform(std::shared_ptr<detail::request> r) {
  // However this ends: what has got into the file by then is announced.
  struct announcer {
    state& owner;
    ~announcer() { owner.notify(); }
  } announce{*this};
  queue.push(r);
  std::exception_ptr ended;
  try {
    const permit mine = co_await turn.acquire();
    if (!r->done) co_await run_in_threadpool(thread_options{.limiter = &thread}, [this, r] { queue.run(r); });
  } catch (...) {
    ended = std::current_exception(); // cancelled, or no thread could be made
  }
  if (ended) {
    // What the request refers to lives in the caller: it must not be left while somebody else works on it.
    if (!queue.withdraw(r) && !r->done) co_await shield(idle());
    std::rethrow_exception(ended);
  }
  if (r->failure) std::rethrow_exception(r->failure);
}

template <class Result>
task<Result> store::state::call(bool writes, std::string changes, std::function<Result(detail::database&)> work) {
  const auto r = std::make_shared<detail::request>();
  std::optional<Result> result;
  r->writes = writes;
  r->changes = std::move(changes);
  r->work = [&result, &work](detail::database& db) { result.emplace(work(db)); };
  co_await perform(r);
  co_return std::move(*result);
}

store::store(std::unique_ptr<state> s) : state_(std::move(s)) {}
store::~store() = default;

task<std::unique_ptr<store>> store::open(files::root media) {
  auto s = co_await run_in_threadpool([&media] {
    const auto folder = media.private_root();
    return std::make_unique<state>(std::make_unique<detail::database>(folder.fd()));
  });
  co_return std::unique_ptr<store>(new store(std::move(s)));
}

task<job> store::insert(job j) {
  std::string id = j.id;
  co_return co_await state_->call<job>(true, std::move(id), [&j](auto& db) { return db.insert(j); });
}

task<std::optional<job>> store::get(std::string id) {
  co_return co_await state_->call<std::optional<job>>(false, {}, [&id](auto& db) { return db.get(id); });
}

task<std::optional<job>> store::find_remote(std::string provider, std::string remote_id) {
  co_return co_await state_->call<std::optional<job>>(false, {},
                                                      [&](auto& db) { return db.find_remote(provider, remote_id); });
}

task<std::optional<job>> store::find_key(std::string provider, std::string idempotency_key) {
  co_return co_await state_->call<std::optional<job>>(false, {},
                                                      [&](auto& db) { return db.find_key(provider, idempotency_key); });
}

task<job> store::update(job j) {
  std::string id = j.id;
  co_return co_await state_->call<job>(true, std::move(id), [&j](auto& db) { return db.update(j); });
}

task<job> store::modify(std::string id, std::function<void(job&)> change) {
  co_return co_await state_->call<job>(true, id, [&](auto& db) { return db.modify(id, change); });
}

task<bool> store::remove(std::string id) {
  co_return co_await state_->call<bool>(true, id, [&id](auto& db) { return db.remove(id); });
}

task<std::vector<job>> store::list(filter f) {
  co_return co_await state_->call<std::vector<job>>(false, {}, [&f](auto& db) { return db.list(f); });
}

task<std::vector<job>> store::unfinished() {
  co_return co_await state_->call<std::vector<job>>(false, {}, [](auto& db) { return db.unfinished(); });
}

task<job> store::wait_changed(std::string id, std::int64_t seen_revision) {
  struct watcher {
    state& owner;
    const std::string& id;
    std::shared_ptr<event> changed;
    watcher(state& s, const std::string& name) : owner(s), id(name) {
      auto& shared = owner.watchers[id];
      changed = shared.lock();
      if (!changed) shared = changed = std::make_shared<event>();
    }
    ~watcher() {
      changed.reset();
      if (const auto found = owner.watchers.find(id); found != owner.watchers.end() && found->second.expired())
        owner.watchers.erase(found);
    }
  };
  for (;;) {
    const watcher w(*state_, id); // before the look, so that no change falls in between
    auto found = co_await get(id);
    if (!found) throw error(errc::not_found, "no job is called '" + json::printable(id) + "'");
    if (found->revision > seen_revision) co_return std::move(*found);
    co_await w.changed->wait();
  }
}

task<job> store::wait_finished(std::string id) {
  std::int64_t seen = 0;
  for (;;) {
    job j = co_await wait_changed(id, seen);
    if (is_final(j.status)) co_return j;
    seen = j.revision;
  }
}

} // namespace weir::jobs

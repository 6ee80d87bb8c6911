#include <weir/core/error.hpp>
#include <weir/offload/threadpool.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>

namespace weir {

namespace {

using namespace std::chrono_literals;
constexpr auto idle_time = 10s;

/// How much nicer a pool thread is than the process. At equal priority a loop that shares its cores with computing
/// threads waits for each turn behind them: with 40 pictures and 32 downloads at once on two cores, the slowest
/// hundredth of its answers took 8 to 17 ms, with this 4 to 9. Computing gets all that the loop leaves, which is nearly
/// everything.
constexpr int nicer_by = 5;

void step_back() noexcept {
  const auto self = static_cast<id_t>(::gettid());
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, self);
  if (errno == 0) ::setpriority(PRIO_PROCESS, self, now + nicer_by); // Linux: of one thread; a refusal does no harm
}

struct worker {
  std::condition_variable wake;
  detail::thread_job* job = nullptr;
  worker* next_idle = nullptr;
};

/// The process's threads. Idle ones form a stack: the most recently used one, whose caches are warm, goes first, and
/// those at the bottom time out. Never destroyed: an abandoned job may outlive main.
class pool {
 public:
  void submit(detail::thread_job& job) {
    {
      std::lock_guard lock(mutex_);
      if (worker* chosen = idle_) {
        idle_ = chosen->next_idle;
        chosen->job = &job;
        chosen->wake.notify_one();
        return;
      }
    }
    try {
      start_thread(job);
    } catch (const std::system_error& failure) {
      throw error(errc::unavailable, std::string("no thread could be started: ") + failure.what());
    }
  }

 private:
  void start_thread(detail::thread_job& job) {
    // Signals belong to the thread that runs the loop.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    struct restore {
      sigset_t& mask;
      ~restore() { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } at_end{before};
    std::thread([this, first = &job] { serve(first); }).detach();
  }

  void serve(detail::thread_job* job) {
    ::pthread_setname_np(::pthread_self(), "weir-worker");
    step_back();
    worker self;
    for (;;) {
      job->execute(job);
      std::unique_lock lock(mutex_);
      self.job = nullptr;
      self.next_idle = idle_;
      idle_ = &self;
      const auto until = std::chrono::steady_clock::now() + idle_time;
      while (!self.job) {
        if (self.wake.wait_until(lock, until) == std::cv_status::timeout && !self.job) {
          worker** link = &idle_;
          while (*link != &self) link = &(*link)->next_idle;
          *link = self.next_idle;
          return;
        }
      }
      job = self.job;
    }
  }

  std::mutex mutex_;
  worker* idle_ = nullptr;
};

pool& the_pool() {
  static pool* const instance = new pool;
  return *instance;
}

} // namespace

void detail::submit(thread_job& job) { the_pool().submit(job); }

limiter& default_thread_limiter() {
  return loop::current().local<limiter>([] { return std::make_shared<limiter>(40); });
}

} // namespace weir

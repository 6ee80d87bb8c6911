#include <weir/core/cancelled.hpp>
#include <weir/core/loop.hpp>
#include <weir/files/async.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace weir::files {

static constexpr std::size_t piece_bytes = 1 << 20;

/// Most file work meets the page cache and is processor work: where sixteen threads shared two cores, the loop waited
/// behind them as long as it worked. A few more than cores, for the times when a disk is waited for.
static std::size_t file_threads() {
  return std::clamp<std::size_t>(std::size_t{2} * std::thread::hardware_concurrency(), 4, 16);
}

limiter& file_limiter() {
  struct of_files {
    limiter value{file_threads()};
  };
  return loop::current().local<of_files>([] { return std::make_shared<of_files>(); }).value;
}

/// Runs `f(stop)` on a thread, counted by the file limiter of the loop that awaits it.
template <class F>
static auto on_thread(F f) -> task<std::invoke_result_t<F&, std::stop_token>> {
  const thread_options options{.limiter = &file_limiter()};
  co_return co_await run_in_threadpool(options, std::move(f));
}

task<std::string> read_file(root in, std::string name, std::uint64_t max_bytes) {
  return on_thread([in = std::move(in), name = std::move(name), max_bytes](std::stop_token stop) {
    return in.read_all(name, max_bytes, stop);
  });
}

task<published> write_file(root in, std::string name, std::string bytes, publish_options options) {
  if (options.expected_bytes == 0) options.expected_bytes = bytes.size();
  return on_thread(
      [in = std::move(in), name = std::move(name), bytes = std::move(bytes), options](std::stop_token stop) {
        publication making = publication::reserve(in, name, options);
        std::string_view rest = bytes;
        while (!rest.empty()) {
          if (stop.stop_requested()) throw cancelled();
          const std::string_view piece = rest.substr(0, piece_bytes);
          making.write(piece);
          rest.remove_prefix(piece.size());
        }
        if (stop.stop_requested()) throw cancelled();
        return making.commit();
      });
}

task<std::vector<entry>> list_files(root in, list_options options) {
  return on_thread(
      [in = std::move(in), options = std::move(options)](std::stop_token stop) { return list(in, options, stop); });
}

task<file_info> stat_file(root in, std::string name) {
  return on_thread([in = std::move(in), name = std::move(name)](std::stop_token) { return in.stat(name); });
}

task<void> remove_file(root in, std::string name) {
  return on_thread([in = std::move(in), name = std::move(name)](std::stop_token) { in.remove(name); });
}

} // namespace weir::files

// Reading a large file on a thread: the loop goes on meanwhile.
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/offload/threadpool.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

using namespace std::chrono_literals;

namespace {

std::string read_large_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw weir::error(weir::errc::not_found, path + ": cannot be opened");
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

weir::task<void> tick(int& ticks) {
  for (;;) {
    co_await weir::sleep_for(1ms);
    ++ticks;
  }
}

weir::task<bool> example(std::string path, std::size_t bytes) {
  int ticks = 0;
  const std::string content = co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<std::string> {
    auto ticking = group.spawn(tick(ticks));
    std::string read = co_await weir::run_in_threadpool(read_large_file, path);
    ticking.cancel();
    co_return read;
  });
  std::printf("%zu bytes were read; meanwhile the loop did something else %d times\n", content.size(), ticks);
  co_return content.size() == bytes&& ticks > 0;
}

} // namespace

int main() {
  char path[] = "/tmp/weir-report-XXXXXX";
  const int made = ::mkstemp(path);
  if (made < 0) return 1;
  ::close(made);
  constexpr std::size_t bytes = 32 << 20;
  std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
  const bool good = weir::run(example(path, bytes));
  ::unlink(path);
  return good ? 0 : 1;
}

// Prepares one picture again and again in this process, as the server does it, and prints what each time cost:
//   weir-bench-prepare SOURCE TARGET.png WIDTHxHEIGHT COUNT
#include <weir/media/prepare.hpp>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// Not ru_maxrss, which a process inherits from the one that started it.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
  return 0;
}

std::uint64_t prepare(const char* source, const char* target, const weir::media::prepare_options& options) {
  const int in = ::open(source, O_RDONLY | O_CLOEXEC);
  const int out = ::open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (in < 0 || out < 0) throw std::runtime_error("cannot open the files");
  const auto made = weir::media::prepare_image(weir::media::image_source::from_fd(in, source), options,
                                               [out](std::span<const std::byte> bytes) {
                                                 while (!bytes.empty()) {
                                                   const ssize_t n = ::write(out, bytes.data(), bytes.size());
                                                   if (n <= 0) throw std::runtime_error("cannot write");
                                                   bytes = bytes.subspan(static_cast<std::size_t>(n));
                                                 }
                                               });
  ::close(in);
  ::close(out);
  return made.output_bytes;
}

} // namespace

int main(int argc, char** argv) {
  weir::media::prepare_options options;
  if (argc != 5 || std::sscanf(argv[3], "%ux%u", &options.width, &options.height) != 2) {
    std::fprintf(stderr, "use: weir-bench-prepare SOURCE TARGET.png WIDTHxHEIGHT COUNT\n");
    return 2;
  }
  try {
    std::uint64_t bytes = 0;
    std::string cpu, wall;
    for (int i = 0, count = std::atoi(argv[4]); i < count; ++i) {
      const double before = cpu_seconds();
      const auto start = std::chrono::steady_clock::now();
      bytes = prepare(argv[1], argv[2], options);
      const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
      cpu += (i ? "," : "") + std::to_string((cpu_seconds() - before) * 1e3);
      wall += (i ? "," : "") + std::to_string(taken.count());
    }
    std::printf("{\"cpu_ms\":[%s],\"wall_ms\":[%s],\"bytes\":%llu,\"peak_kib\":%ld}\n", cpu.c_str(), wall.c_str(),
                static_cast<unsigned long long>(bytes), peak_kib());
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "weir-bench-prepare: %s\n", failure.what());
    return 1;
  }
}

#include "providers/openai_fixture.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <random>

namespace weir::test {
namespace {

std::size_t status_line(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1)) * 1024;
  return 0;
}

} // namespace

input_file png_file(std::string name, std::size_t bytes, unsigned width, unsigned height) {
  std::string head("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  for (const unsigned side : {width, height})
    for (int shift = 24; shift >= 0; shift -= 8) head += static_cast<char>(side >> shift & 255);
  head += std::string("\x08\x06\0\0\0", 5);
  auto made = std::make_shared<files::file>();
  // A real file of this file system: nothing of it counts as memory of this process.
  std::string path = "/tmp/weir-test-XXXXXX";
  made->fd.reset(::mkostemp(path.data(), O_CLOEXEC));
  if (!made->fd) throw std::runtime_error("no temporary file");
  ::unlink(path.c_str());
  std::mt19937_64 random(bytes);
  std::string piece = head;
  for (std::size_t left = bytes; left > 0;) {
    while (piece.size() < 64 * 1024) {
      const auto n = random();
      piece.append(reinterpret_cast<const char*>(&n), sizeof n);
    }
    piece.resize(std::min(piece.size(), left));
    if (::write(made->fd.get(), piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()))
      throw std::runtime_error("the temporary file cannot be written");
    left -= piece.size();
    piece.clear();
  }
  ::lseek(made->fd.get(), 0, SEEK_SET);
  made->info.size_bytes = bytes;
  return {std::move(name), "image/png", std::move(made)};
}

std::size_t peak_memory() { return status_line("VmHWM"); }
std::size_t resident_memory() { return status_line("VmRSS"); }
void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

} // namespace weir::test

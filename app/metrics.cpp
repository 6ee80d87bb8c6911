#include "metrics.hpp"

#include <weir/observe/counters.hpp>
#include <weir/offload/threadpool.hpp>

#include <unistd.h>

#include <cstdio>

namespace weir::app {

namespace {

void add(std::string& out, const char* name, const char* help, double value) {
  char number[32];
  std::snprintf(number, sizeof number, "%.17g", value);
  out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " gauge\n" + name + " " + number + "\n";
}

template <class Limiter>
void add(std::string& out, const std::string& name, const std::string& what, const Limiter& from) {
  add(out, (name + "_in_use").c_str(), (what + " in use").c_str(), static_cast<double>(from.in_use()));
  add(out, (name + "_waiting").c_str(), ("calls that wait for " + what).c_str(), static_cast<double>(from.waiting()));
  add(out, (name + "_capacity").c_str(), (what + " that may be in use").c_str(), static_cast<double>(from.capacity()));
}

/// Resident memory of this process, from the second field of /proc/self/statm.
double resident_bytes() {
  long pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

} // namespace

std::string metrics(studio::studio& in, const http::server& web) {
  std::string out;
  add(out, "weir_http_connections", "open connections", static_cast<double>(web.connections()));
  add(out, "weir_image_slots", "picture jobs", in.image_slots());
  add(out, "weir_image_bytes", "bytes of picture memory", in.image_bytes());
  add(out, "weir_file_threads", "threads for files", in.file_work());
  add(out, "weir_downloads", "downloads", in.downloads());
  add(out, "weir_threads", "threads for other work", default_thread_limiter());
  add(out, "process_resident_memory_bytes", "resident memory", resident_bytes());
  return out + observe::prometheus(observe::snapshot());
}

} // namespace weir::app

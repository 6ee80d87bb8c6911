#include "testing/descriptor_name.hpp"

#include <weir/core/detail/frame.hpp>
#include <weir/testing/leaks.hpp>

#include <dirent.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

namespace weir::testing {

namespace {

using namespace std::chrono_literals;

std::string thread_name(const std::string& id) {
  char name[64] = "";
  if (std::FILE* file = std::fopen(("/proc/self/task/" + id + "/comm").c_str(), "re")) {
    if (!std::fgets(name, sizeof name, file)) name[0] = '\0';
    std::fclose(file);
  }
  std::string text(name);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// Id and name of every thread of this process.
std::map<int, std::string> running_threads() {
  std::map<int, std::string> threads;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/task"), &::closedir);
  if (!folder) return threads;
  while (const dirent* entry = ::readdir(folder.get()))
    if (const int id = std::atoi(entry->d_name); id > 0)
      if (std::string name = thread_name(entry->d_name); !name.empty()) threads.emplace(id, std::move(name));
  return threads;
}

/// The pool keeps idle threads for the next job, and a loop's monitor ends with its loop.
bool is_ours(const std::string& name) { return name == "weir-worker" || name == "weir-monitor"; }

} // namespace

struct leak_check::alive {
  std::ptrdiff_t frames;
  std::map<int, std::string> descriptors;
  std::map<int, std::string> threads;
};

leak_check::leak_check(leak_options options) : options_(std::move(options)) {
  before_ = std::make_unique<alive>(alive{detail::frames.live,
                                          options_.descriptors ? open_descriptors() : std::map<int, std::string>(),
                                          options_.threads ? running_threads() : std::map<int, std::string>()});
}

leak_check::~leak_check() = default;

std::vector<std::string> leak_check::compare() const {
  std::vector<std::string> found;
  const auto note = [&](const std::string& what, const char* advice) {
    if (!options_.ignore || !options_.ignore(what)) found.push_back("leaked " + what + advice);
  };
  if (const auto more = detail::frames.live - before_->frames; options_.frames && more > 0)
    note(std::to_string(more) + (more == 1 ? " task" : " tasks"),
         ": made, and neither awaited to the end nor destroyed");
  if (options_.descriptors)
    for (const auto& [fd, target] : open_descriptors()) {
      const auto known = before_->descriptors.find(fd);
      if (known == before_->descriptors.end() || known->second != target)
        note("descriptor " + std::to_string(fd) + ": " + descriptor_name(fd, target), "");
    }
  if (options_.threads)
    for (const auto& [id, name] : running_threads())
      if (!before_->threads.contains(id) && !is_ours(name)) note("thread '" + name + "'", ": it still runs");
  return found;
}

std::vector<std::string> leak_check::leaks() const {
  const auto until = std::chrono::steady_clock::now() + options_.patience;
  for (;;) {
    auto found = compare();
    if (found.empty() || std::chrono::steady_clock::now() >= until) return found;
    std::this_thread::sleep_for(1ms);
  }
}

} // namespace weir::testing

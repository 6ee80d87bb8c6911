#pragma once

#include "fakes/fault_proxy/proxy.hpp"
#include "fakes/fault_proxy/sha256.hpp"
#include "fakes/kitsu_stub.hpp"
#include "kitsu/own_folder.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/kitsu/client.hpp>
#include <weir/kitsu/session.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weir::kitsu::stubbed {

using namespace std::chrono_literals;
using fakes::fault_proxy;
using fakes::kitsu_stub;
using fakes::stub_answer;
using fakes::stub_function;
using fakes::stub_request;
using fakes::stub_rows;
using test::content_of;
using test::own_folder;
using test::write_to;
namespace faults = fakes::faults;

/// No proxy, whatever the environment says, and short waits between repetitions.
inline client_options quick() {
  client_options options;
  options.proxy = "";
  options.retry.first_wait = 5ms;
  options.retry.max_wait = 20ms;
  return options;
}

inline client_options once() {
  client_options options = quick();
  options.retry.max_attempts = 1;
  return options;
}

inline kitsu::tokens tokens_of(const fakes::stub_tokens& t) { return {t.access, t.refresh}; }

/// The API's root as it is reached through a proxy.
inline std::string host_of(const fault_proxy& proxy) { return proxy.url("/api"); }

/// Runs `body()`, a coroutine, on a loop of its own.
template <class Body>
auto on_loop(Body body) {
  return weir::run(body());
}

/// How a call failed; nothing where it did not. Anything but a request_error goes on.
template <class T>
task<std::optional<failed_call>> failure_of(task<T> call) {
  try {
    co_await std::move(call);
  } catch (const request_error& problem) {
    co_return problem.call();
  }
  co_return std::nullopt;
}

/// The code and text of whatever weir::error a call ends with.
struct ended {
  std::optional<errc> code;
  std::string text;
};
template <class T>
task<ended> end_of(task<T> call) {
  try {
    co_await std::move(call);
  } catch (const error& problem) {
    co_return ended{problem.code(), problem.what()};
  }
  co_return ended{};
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// The names in a folder, hidden ones too.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// For expectations: contents are long, and not to be printed.
inline bool holds(const std::string& file, const std::string& content) { return content_of(file) == content; }

/// Bytes whose every place differs from its neighbours', so that a lost or moved one shows.
inline std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

/// A form's parts by name, from the raw body of a multipart request.
struct form_part {
  std::string head, content;
};
inline std::map<std::string, form_part> parts_of(const stub_request& r) {
  std::map<std::string, form_part> parts;
  const std::string type = r.header("Content-Type");
  const std::string boundary = "--" + type.substr(std::min(type.size(), type.find("boundary=") + 9));
  std::size_t at = r.body.find(boundary);
  while (at != std::string::npos) {
    const std::size_t next = r.body.find("\r\n" + boundary, at + 1);
    if (next == std::string::npos) break;
    const std::string part = r.body.substr(at + boundary.size() + 2, next - at - boundary.size() - 2);
    const std::size_t blank = part.find("\r\n\r\n");
    const std::string head = part.substr(0, blank);
    const std::size_t name = head.find("name=\"") + 6;
    parts[head.substr(name, head.find('"', name) - name)] = {head, part.substr(blank + 4)};
    at = next + 2;
  }
  return parts;
}

} // namespace weir::kitsu::stubbed

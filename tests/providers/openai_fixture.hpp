#pragma once

#include "fakes/fake_server.hpp"

#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/json/value.hpp>
#include <weir/providers/openai.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace weir::test {

using namespace std::chrono_literals;
using fakes::fake_openai;
using namespace weir::providers;

inline constexpr const char* test_key = "sk-test-0123456789abcdef";

inline openai_options options_for(const std::string& base_url) {
  ::unsetenv("http_proxy"); // the tests talk to loopback only
  ::unsetenv("all_proxy");
  ::unsetenv("ALL_PROXY");
  openai_options options;
  options.api_key = test_key;
  options.base_url = base_url;
  return options;
}

/// Runs `use`, a coroutine function, with a provider made of `options`, on a loop of its own.
template <class Use>
auto with_provider(openai_options options, Use use) {
  using result = typename decltype(use(std::declval<provider&>()))::value_type;
  return weir::run([](openai_options o, Use& body) -> task<result> {
    const auto made = make_openai(std::move(o));
    co_return co_await body(*made);
  }(std::move(options), use));
}

template <class Use>
auto with_provider(const fake_openai& fake, Use use) {
  return with_provider(options_for(fake.base_url()), std::move(use));
}

/// How a call failed.
struct failed {
  bool any = false;
  errc code = errc::internal;
  int status = 0;
  std::string text = "(it did not fail)";
  std::chrono::milliseconds took{0};

  bool says(std::string_view part) const { return text.find(part) != std::string::npos; }
};

template <class Where, class Use>
failed failure_of(const Where& where, Use use) {
  failed f;
  const auto begin = std::chrono::steady_clock::now();
  try {
    with_provider(where, std::move(use));
  } catch (const error& e) {
    f = {true, e.code(), e.status(), e.what()};
  }
  f.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  return f;
}

/// A picture's bytes, collected.
struct collected {
  std::shared_ptr<std::string> bytes = std::make_shared<std::string>();
  byte_sink sink() const {
    return [to = bytes](std::span<const std::byte> piece) {
      to->append(reinterpret_cast<const char*>(piece.data()), piece.size());
    };
  }
  bool is_png() const { return bytes->starts_with("\x89PNG\r\n\x1a\n"); }
};

/// The text member `name` of `entry`.
inline std::string text(const json::value& entry, std::string_view name) {
  return json::string_or(entry.as_object(), name);
}

/// The journal's entries of `method path`; "*" for any path.
inline json::array requests(const fake_openai& fake, std::string_view method, std::string_view path = "*") {
  const json::value all = json::parse(fake.journal());
  json::array found;
  for (const auto& entry : all.at("requests").as_array())
    if (text(entry, "method") == method && (path == "*" || text(entry, "path") == path)) found.push_back(entry);
  return found;
}

inline std::string header(const json::value& entry, std::string_view name) {
  return json::string_or(entry.at("headers").as_object(), name);
}

inline std::int64_t bought(const fake_openai& fake, std::string_view kind = "total") {
  return json::parse(fake.bought()).at(kind).as_int64();
}

/// A file that begins like a PNG of this size with an alpha channel, as far as a server looks.
input_file png_file(std::string name, std::size_t bytes, unsigned width = 1280, unsigned height = 720);

/// The peak of this process's memory since `forget_peak_memory`, in bytes. Resident pages, as the kernel counts them.
std::size_t peak_memory();
std::size_t resident_memory();
void forget_peak_memory();

} // namespace weir::test

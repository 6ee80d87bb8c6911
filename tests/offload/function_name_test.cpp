#include "naming/call_in_child.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/detail/function_name.hpp>
#include <weir/offload/remote_report.hpp>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

namespace {

using namespace weir::naming;
using weir::detail::constant_function;
using weir::detail::function_name;
using weir::detail::name_function;
using weir::detail::resolve_function;

int in_anonymous_namespace(int number) { return number + 1; }
std::string text_of(std::string text, const std::vector<int>& numbers, std::unique_ptr<int> last) {
  for (const int number : numbers) text += " " + std::to_string(number);
  return text + " " + std::to_string(*last);
}
pid_t who() { return ::getpid(); }
int with_token(const std::stop_token& stop, int number) { return stop.stop_possible() ? -1 : number; }
void nothing() noexcept {}
std::vector<int> many(int count) { return std::vector<int>(static_cast<std::size_t>(count), 7); }

template <class F>
const void* address_of(F* function) {
  return reinterpret_cast<const void*>(function);
}

template <class Call>
weir::errc refusal(Call call) {
  try {
    call();
  } catch (const weir::error& e) {
    EXPECT_EQ(std::string(e.what()).find(OFFLOAD_PLUGINS), std::string::npos) << e.what(); // no server path
    return e.code();
  }
  ADD_FAILURE() << "not refused";
  return weir::errc::internal;
}

struct plugin {
  explicit plugin(const std::string& file) : handle(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) throw std::runtime_error(::dlerror());
  }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
  ~plugin() { ::dlclose(handle); }
  template <class F>
  F* get(const char* name) const {
    return reinterpret_cast<F*>(::dlsym(handle, name));
  }
  void* handle;
};
const std::string plugin_file = std::string(OFFLOAD_PLUGINS) + "/liboffload_plugin.so";
const std::string bare_plugin_file = std::string(OFFLOAD_PLUGINS) + "/liboffload_plugin_bare.so";

} // namespace

namespace outer_name {
int inner_name(int number) { return number; }
} // namespace outer_name

TEST(function_name, leads_back_to_the_function) {
  const function_name name = name_function(address_of(in_anonymous_namespace));
  EXPECT_TRUE(name.library.empty());
  EXPECT_NE(name.module, weir::detail::module_id());
  EXPECT_EQ(resolve_function(name), address_of(in_anonymous_namespace));
  EXPECT_EQ(name_function(address_of(in_anonymous_namespace)), name);
  EXPECT_NE(name_function(address_of(nothing)), name);
  const function_name other = name_function(::dlsym(RTLD_DEFAULT, "getpid"));
  EXPECT_FALSE(other.library.empty());
  EXPECT_NE(other.module, name.module);
}

TEST(function_name, refuses_what_is_no_code) {
  EXPECT_EQ(refusal([] { name_function(nullptr); }), weir::errc::invalid_argument);
  static int data = 0;
  EXPECT_EQ(refusal([] { name_function(&data); }), weir::errc::invalid_argument);
  const function_name good = name_function(address_of(nothing));
  function_name outside = good;
  outside.offset = reinterpret_cast<std::uintptr_t>(&data) - (reinterpret_cast<std::uintptr_t>(&nothing) - good.offset);
  EXPECT_EQ(refusal([&] { resolve_function(outside); }), weir::errc::corrupt); // data of the right module
  outside.offset = ~std::uint64_t{0};
  EXPECT_EQ(refusal([&] { resolve_function(outside); }), weir::errc::corrupt);
  outside.offset = 0; // the headers
  EXPECT_EQ(refusal([&] { resolve_function(outside); }), weir::errc::corrupt);
  function_name stranger = good;
  stranger.module[0] ^= std::byte{1};
  EXPECT_EQ(refusal([&] { resolve_function(stranger); }), weir::errc::not_found);
  stranger.library = plugin_file; // a library, but not that build of it
  EXPECT_EQ(refusal([&] { resolve_function(stranger); }), weir::errc::not_found);
  EXPECT_EQ(::dlopen(plugin_file.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr) << "it was opened before it was judged";
  stranger.library = "/dev/null";
  EXPECT_EQ(refusal([&] { resolve_function(stranger); }), weir::errc::not_found);
}

TEST(function_name, finds_libraries_that_come_and_go) {
  for (const std::string& file : {plugin_file, bare_plugin_file}) {
    function_name name;
    function_name hidden;
    {
      const plugin open(file);
      name = name_function(address_of(open.get<int(int)>("plugin_double")));
      hidden = name_function(address_of(open.get<int (*())(int)>("plugin_hidden")()));
      EXPECT_EQ(std::filesystem::path(name.library).filename(), std::filesystem::path(file).filename());
      EXPECT_EQ(refusal([&] {
                  name_function(open.get<void()>("plugin_value") ? ::dlsym(open.handle, "plugin_value") : nullptr);
                }),
                weir::errc::invalid_argument);
    }
    ASSERT_EQ(::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr);
    const auto doubled = reinterpret_cast<int (*)(int)>(resolve_function(name)); // opened anew
    EXPECT_EQ(doubled(4), 8);
    EXPECT_EQ(reinterpret_cast<int (*)(int)>(resolve_function(hidden))(4), 12);
  }
  const plugin open(plugin_file);
  const plugin bare(bare_plugin_file);
  EXPECT_NE(name_function(address_of(open.get<int(int)>("plugin_double"))).module,
            name_function(address_of(bare.get<int(int)>("plugin_double"))).module);
}

TEST(function_name, can_be_asked_by_many_threads) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        const plugin open(bare_plugin_file);
        right += resolve_function(name_function(address_of(nothing))) == address_of(nothing);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST(function_name, labels_are_readable) {
  using weir::detail::function_label;
  EXPECT_EQ(function_label<&outer_name::inner_name>(), "outer_name::inner_name");
  EXPECT_EQ(function_label<&in_anonymous_namespace>(), "(anonymous namespace)::in_anonymous_namespace");
  constexpr auto lambda = [](int) {};
  const std::string label = function_label<std::remove_const_t<decltype(lambda)>>();
  EXPECT_EQ(label.find("(lambda at function_name_test.cpp:"), 0U) << label;
  EXPECT_EQ((weir::detail::process_call<int (*)(int), int>::label(&in_anonymous_namespace)), "a function int (int)");
}

TEST(process_call, runs_in_an_executed_child) {
  const pid_t worker = call_in_child(who);
  EXPECT_GT(worker, 0);
  EXPECT_NE(worker, ::getpid());
  EXPECT_EQ(call_in_child(in_anonymous_namespace, 41), 42);
  EXPECT_EQ(call_in_child(&in_anonymous_namespace, 41L), 42); // converted here
  EXPECT_EQ(call_in_child(text_of, "a literal", std::vector<int>{1, 2}, std::make_unique<int>(3)), "a literal 1 2 3");
  EXPECT_EQ(call_in_child(constant_function<&text_of>(), "x", std::vector<int>(), std::make_unique<int>(3)), "x 3");
  EXPECT_EQ(call_in_child([](int a, double b) { return a * b; }, 2, 1.5), 3.0);
  EXPECT_EQ(call_in_child([](auto all) { return all.size(); }, std::string("four")), 4U);
  EXPECT_EQ(call_in_child(std::plus<>(), 1, 2), 3);
  EXPECT_EQ(call_in_child(with_token, 5), 5); // the token is the worker's own
  call_in_child(nothing);
  EXPECT_EQ(call_in_child(many, 100000).size(), 100000U); // more than the first room
  const int base = 7;
  EXPECT_EQ(call_in_child(
                [](int number) -> const int& {
                  static int kept;
                  return kept = number;
                },
                base),
            7);
}

TEST(process_call, runs_functions_of_a_library_that_the_child_has_not_opened) {
  for (const std::string& file : {plugin_file, bare_plugin_file}) {
    const plugin open(file);
    EXPECT_EQ(call_in_child(open.get<int(int)>("plugin_double"), 21), 42);
    EXPECT_EQ(call_in_child(open.get<int (*())(int)>("plugin_hidden")(), 14), 42);
  }
}

TEST(process_call, throws_what_the_function_threw) {
  try {
    call_in_child([](int index) { return std::string("abc").at(static_cast<std::size_t>(index)); }, 9);
    ADD_FAILURE();
  } catch (const std::out_of_range& e) {
    const auto* report = dynamic_cast<const weir::remote_report*>(&e);
    ASSERT_NE(report, nullptr);
    EXPECT_NE(report->worker(), ::getpid());
    EXPECT_NE(report->function().find("(lambda at function_name_test.cpp:"), std::string::npos) << report->function();
  }
}

TEST(process_call, damaged_requests_and_replies_are_errors) {
  using call = weir::detail::process_call<decltype(&text_of), const char*, std::vector<int>, std::unique_ptr<int>>;
  weir::encoder whole;
  call::encode(whole, &text_of, call::convert("abc", std::vector<int>(3), std::make_unique<int>(1)));
  weir::detail::memory_reply_room room;
  for (std::size_t size = 0; size < whole.size_bytes(); ++size) {
    const std::vector<std::byte> part(whole.bytes().begin(), whole.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    weir::decoder in(part);
    const std::vector<std::byte> reply = [&] {
      const auto written = call::entry()(in, room, {});
      return std::vector<std::byte>(written.begin(), written.end());
    }();
    EXPECT_EQ(refusal([&] { weir::detail::read_reply<std::string>(reply); }), weir::errc::corrupt);
    if (size + 4 == whole.size_bytes()) {
      try {
        weir::detail::read_reply<std::string>(reply);
      } catch (const weir::error& e) {
        EXPECT_NE(std::string(e.what()).find("parameter 3 of "), std::string::npos) << e.what();
      }
    }
    for (std::size_t less = 0; less < reply.size(); ++less)
      EXPECT_EQ(refusal([&] { weir::detail::read_reply<std::string>(std::span(reply).first(less)); }),
                weir::errc::corrupt);
  }
  const std::byte unknown[] = {std::byte{2}};
  EXPECT_EQ(refusal([&] { weir::detail::read_reply<void>(unknown); }), weir::errc::corrupt);
  const std::byte surplus[] = {std::byte{0}, std::byte{0}};
  EXPECT_EQ(refusal([&] { weir::detail::read_reply<void>(surplus); }), weir::errc::corrupt);
}

TEST(process_call, a_result_without_room_is_an_error) {
  using call = weir::detail::process_call<decltype(&many), int>;
  weir::encoder request;
  call::encode(request, &many, call::convert(1000));
  weir::detail::memory_reply_room room(2000);
  weir::decoder in(request.bytes());
  const auto reply = call::entry()(in, room, {});
  EXPECT_EQ(refusal([&] { weir::detail::read_reply<std::vector<int>>(reply); }), weir::errc::too_large);
}

[[maybe_unused]] static const bool played = play_role();

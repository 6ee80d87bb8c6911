#pragma once

#include <weir/offload/detail/type_name.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace weir::detail {

/// Which program or library: its build-id, else a hash of its headers (first page and program headers).
using module_id = std::array<std::byte, 20>;

/// A function's name that holds in every process that runs the same program, wherever that was loaded. Can be sent.
struct function_name {
  module_id module{};
  std::uint64_t offset = 0; ///< from where the module was loaded
  std::string library;      ///< the library's file, for a worker that has not loaded it; empty for the program itself

  bool operator==(const function_name&) const = default;
};

/// Returns the name of the function or thunk at `address`. Fails: errc::invalid_argument where no loaded module has
/// code there. Thread-safety: any thread. Cost: a search among the loaded modules, below 1 us; they are looked at anew
/// only after a library was opened or closed.
function_name name_function(const void* address);

/// Returns the address of `name` in this process, and opens its library where that has the same build-id and is not
/// open yet (it stays open). Fails: errc::not_found for a module that is not this build's; errc::corrupt for an offset
/// outside the module's code. Thread-safety: any thread. Cost: as name_function.
void* resolve_function(const function_name& name);

/// A name for people of the function at `address`, which has type `signature`: its symbol where the module exports it,
/// else "a function <signature>".
std::string describe_function(const void* address, std::string_view signature);

/// `name` as the compiler spells it, without '&' and without folders of the machine that built it.
std::string trim_label(std::string_view name);

template <auto F>
constexpr std::string_view spelled_constant() noexcept {
  return __PRETTY_FUNCTION__;
}

/// A name for logs, ps and errors, from the source: "ns::resize" for the constant &ns::resize, "(lambda at a.cpp:3:7)".
template <auto F>
const std::string& function_label() {
  static const std::string label = [] {
    constexpr std::string_view whole = spelled_constant<F>();
    constexpr std::size_t first = whole.find("F = ") + 4;
    return trim_label(whole.substr(first, whole.size() - first - 1));
  }();
  return label;
}
template <class F>
const std::string& function_label() {
  static const std::string label = trim_label(type_name<F>());
  return label;
}

} // namespace weir::detail

#pragma once

#include <string>
#include <string_view>

namespace weir::detail {

template <class T>
constexpr std::string_view spelled_type() noexcept {
  return __PRETTY_FUNCTION__;
}

/// The name of T as a person would write it, for messages. Known at compile time; valid for ever.
template <class T>
constexpr std::string_view type_name() noexcept {
  if constexpr (std::is_same_v<T, std::string>) {
    return "std::string";
  } else {
    // What the compiler puts around the name is the same for every type: measured on one whose name is known.
    constexpr std::string_view sample = spelled_type<double>();
    constexpr std::size_t before = sample.find("double");
    constexpr std::size_t after = sample.size() - before - std::string_view("double").size();
    constexpr std::string_view whole = spelled_type<T>();
    return whole.substr(before, whole.size() - before - after);
  }
}

template <class... T>
struct types {};

} // namespace weir::detail

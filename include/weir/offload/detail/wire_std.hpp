#pragma once

#include <weir/offload/detail/wire.hpp>

#include <chrono>
#include <complex>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>

namespace weir::detail {

template <class T>
struct is_complex_number<std::complex<T>> : std::true_type {};

template <>
struct wire<std::monostate> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 0;
  static void encode(encoder&, const std::monostate&) {}
  static std::monostate decode(decoder&) { return {}; }
};

template <class T>
struct wire<std::complex<T>> {
  using parts = types<T>;
  static constexpr std::size_t least_bytes = 2 * detail::least_bytes<T>();
  static void encode(encoder& out, const std::complex<T>& value) {
    encode_value<T>(out, value.real());
    encode_value<T>(out, value.imag());
  }
  static std::complex<T> decode(decoder& in) {
    const T real = decode_value<T>(in);
    return {real, decode_value<T>(in)};
  }
};

template <class Rep, class Period>
struct wire<std::chrono::duration<Rep, Period>> {
  using parts = types<Rep>;
  using value_type = std::chrono::duration<Rep, Period>;
  static constexpr std::size_t least_bytes = detail::least_bytes<Rep>();
  static void encode(encoder& out, const value_type& value) { encode_value<Rep>(out, value.count()); }
  static value_type decode(decoder& in) { return value_type(decode_value<Rep>(in)); }
};

// A worker runs on this machine: its steady clock is this one.
template <class Clock, class Duration>
struct wire<std::chrono::time_point<Clock, Duration>> {
  using parts = types<Duration>;
  using value_type = std::chrono::time_point<Clock, Duration>;
  static constexpr std::size_t least_bytes = detail::least_bytes<Duration>();
  static void encode(encoder& out, const value_type& value) { encode_value<Duration>(out, value.time_since_epoch()); }
  static value_type decode(decoder& in) { return value_type(decode_value<Duration>(in)); }
};

template <>
struct wire<std::filesystem::path> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1;
  static void encode(encoder& out, const std::filesystem::path& value) {
    out.write_length(value.native().size());
    out.write(value.native().data(), value.native().size());
  }
  static std::filesystem::path decode(decoder& in) {
    const auto bytes = in.take(in.read_length("std::filesystem::path", 1, 0), "std::filesystem::path");
    return std::filesystem::path(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
};

/// Whether the category of `code` is one that both sides know: generic, system, iostream.
bool is_known_category(const std::error_code& code) noexcept;

template <>
struct wire<std::error_code> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1 + sizeof(int);
  static void encode(encoder& out, const std::error_code& value);
  static std::error_code decode(decoder& in);
};

template <class T>
struct wire<std::optional<T>> {
  using parts = types<T>;
  static constexpr std::size_t least_bytes = 1;
  static void encode(encoder& out, const std::optional<T>& value) {
    wire<bool>::encode(out, value.has_value());
    const encoder::level deeper(out);
    if (value) encode_value<T>(out, *value);
  }
  static std::optional<T> decode(decoder& in) {
    constexpr auto type = type_name<std::optional<T>>();
    if (!wire<bool>::decode(in, type)) return std::nullopt;
    const decoder::level deeper(in, type, "the value");
    return std::optional<T>(std::in_place, decode_value<T>(in));
  }
};

template <class T>
struct wire<std::unique_ptr<T>> {
  using parts = types<std::remove_const_t<T>>;
  using value_type = std::remove_const_t<T>;
  static constexpr std::size_t least_bytes = 1;
  static void encode(encoder& out, const std::unique_ptr<T>& value) {
    wire<bool>::encode(out, value != nullptr);
    const encoder::level deeper(out);
    if (value) encode_value<value_type>(out, *value);
  }
  static std::unique_ptr<T> decode(decoder& in) {
    constexpr auto type = type_name<std::unique_ptr<T>>();
    if (!wire<bool>::decode(in, type)) return nullptr;
    const decoder::level deeper(in, type, "the value");
    return std::unique_ptr<T>(new T(decode_value<value_type>(in)));
  }
};

/// Fails always: errc::invalid_argument.
[[noreturn]] void refuse_valueless(std::string_view type);

template <class... T>
struct wire<std::variant<T...>> {
  using parts = types<T...>;
  using value_type = std::variant<T...>;
  static constexpr std::size_t least_bytes = 1;
  static void encode(encoder& out, const value_type& value) {
    if (value.valueless_by_exception()) refuse_valueless(type_name<value_type>());
    out.write_length(value.index());
    const encoder::level deeper(out);
    std::visit([&]<class A>(const A& alternative) { encode_value<A>(out, alternative); }, value);
  }
  static value_type decode(decoder& in) {
    constexpr auto type = type_name<value_type>();
    const std::size_t index = in.read_length(type, 0, 0);
    if (index >= sizeof...(T)) in.fail(type, "names an alternative that it does not have");
    const decoder::level deeper(in, type, "the value");
    return pick<0>(in, index);
  }

 private:
  template <std::size_t I>
  static value_type pick(decoder& in, std::size_t index) {
    if constexpr (I + 1 < sizeof...(T))
      if (index != I) return pick<I + 1>(in, index);
    using alternative = std::variant_alternative_t<I, value_type>;
    return value_type(std::in_place_index<I>, decode_value<alternative>(in));
  }
};

template <class A, class B>
struct wire<std::pair<A, B>> {
  using parts = types<A, B>;
  static constexpr std::size_t least_bytes =
      detail::least_bytes<std::remove_const_t<A>>() + detail::least_bytes<std::remove_const_t<B>>();
  static void encode(encoder& out, const std::pair<A, B>& value) {
    encode_value<std::remove_const_t<A>>(out, value.first);
    encode_value<std::remove_const_t<B>>(out, value.second);
  }
  static std::pair<A, B> decode(decoder& in) {
    return std::pair<A, B>{decode_value<std::remove_const_t<A>>(in), decode_value<std::remove_const_t<B>>(in)};
  }
};

template <class... T>
struct wire<std::tuple<T...>> {
  using parts = types<T...>;
  static constexpr std::size_t least_bytes = (std::size_t{0} + ... + detail::least_bytes<std::remove_const_t<T>>());
  static void encode(encoder& out, const std::tuple<T...>& value) {
    std::apply([&](const auto&... element) { (encode_value(out, element), ...); }, value);
  }
  static std::tuple<T...> decode([[maybe_unused]] decoder& in) {
    return std::tuple<T...>{decode_value<std::remove_const_t<T>>(in)...};
  }
};

} // namespace weir::detail

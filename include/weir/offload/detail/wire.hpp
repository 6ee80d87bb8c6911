#pragma once

#include <weir/offload/decoder.hpp>
#include <weir/offload/detail/aggregate.hpp>
#include <weir/offload/detail/type_name.hpp>
#include <weir/offload/encoder.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace weir {

template <class T>
struct codec; // documented in codec.hpp

} // namespace weir

namespace weir::detail {

template <class T>
concept has_codec = requires(encoder& out, decoder& in, const T& value) {
  codec<T>::encode(out, value);
  { codec<T>::decode(in) } -> std::same_as<T>;
};

/// How T travels, for types that are no aggregates. A specialisation has `parts`, the types within it as types<...>;
/// `least_bytes`, what any value takes at least; encode and decode.
template <class T>
struct wire {};

template <class T>
concept has_wire = requires { typename wire<T>::parts; };

/// Whether T is sent field by field.
template <class T>
concept plain_aggregate = !has_codec<T> && !has_wire<T> && std::is_aggregate_v<T> && std::is_class_v<T>;

template <class T>
consteval std::size_t least_bytes();

template <class... T>
consteval std::size_t least_sum(types<T...>) {
  return (std::size_t{0} + ... + least_bytes<std::remove_cv_t<T>>());
}

/// The bytes that any T takes at least: what a length is checked against.
template <class T>
consteval std::size_t least_bytes() {
  if constexpr (std::is_bounded_array_v<T>)
    return std::extent_v<T> * least_bytes<std::remove_cv_t<std::remove_extent_t<T>>>();
  else if constexpr (has_codec<T>)
    return 0;
  else if constexpr (has_wire<T>)
    return wire<T>::least_bytes;
  else
    return least_sum(field_types<T>());
}

template <class T>
constexpr bool is_bool_enum = false;
template <class T>
  requires std::is_enum_v<T>
constexpr bool is_bool_enum<T> = std::is_same_v<std::underlying_type_t<T>, bool>;

template <class T>
struct is_complex_number : std::false_type {};

template <class T>
consteval bool is_bulk();

template <class T>
consteval bool are_bulk(bit_fields) {
  return false;
}
template <class T, class... F>
consteval bool are_bulk(types<F...>) {
  if constexpr ((is_bulk<F>() && ...))
    return sizeof...(F) > 0 && (std::size_t{0} + ... + sizeof(F)) == sizeof(T);
  else
    return false;
}

/// Whether arrays of T travel by memcpy: every pattern of its bytes is a value, and none of its bytes is padding, which
/// would carry remains of this process's memory away.
template <class T>
consteval bool is_bulk() {
  if constexpr (has_codec<T>)
    return false;
  else if constexpr (std::is_bounded_array_v<T>)
    return is_bulk<std::remove_extent_t<T>>();
  else if constexpr (std::is_enum_v<T>)
    return !is_bool_enum<T>;
  else if constexpr (std::is_arithmetic_v<T>)
    return !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;
  else if constexpr (is_complex_number<T>::value)
    return is_bulk<typename T::value_type>();
  else if constexpr (plain_aggregate<T> && std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>)
    if constexpr (!has_base<T> && field_count<T> <= max_fields)
      return are_bulk<T>(field_types<T>());
    else
      return false;
  else
    return false;
}

template <class T>
constexpr bool bulk = is_bulk<T>();

template <class T>
void encode_value(encoder& out, const T& value);
template <class T>
T decode_value(decoder& in);

template <class T>
void encode_run(encoder& out, const T* first, std::size_t count) {
  if constexpr (bulk<T>)
    out.write(first, count * sizeof(T));
  else
    for (std::size_t i = 0; i < count; ++i) encode_value<T>(out, first[i]);
}

/// Reads `count` values over those at `first`; `Whole` is the type that holds them.
template <class Whole, class T>
void decode_run(decoder& in, T* first, std::size_t count) {
  if constexpr (bulk<T>) {
    in.read(static_cast<void*>(first), count * sizeof(T), type_name<Whole>());
  } else if constexpr (std::is_bounded_array_v<T>) {
    for (std::size_t i = 0; i < count; ++i) decode_run<Whole>(in, first[i], std::extent_v<T>);
  } else {
    decoder::level here(in, type_name<Whole>(), "element", decoder::level::depth::is_bounded);
    for (std::size_t i = 0; i < count; ++i) {
      here.at(i + 1);
      first[i] = decode_value<T>(in);
    }
  }
}

template <class T>
  requires(std::is_arithmetic_v<T> || (std::is_enum_v<T> && !is_bool_enum<T>))
struct wire<T> {
  using parts = types<>;
  // The x87 number has 10 bytes; the rest of the object is padding.
  static constexpr std::size_t least_bytes =
      std::is_same_v<T, long double> && std::numeric_limits<long double>::digits == 64 ? 10 : sizeof(T);

  static void encode(encoder& out, const T& value) { out.write(&value, least_bytes); }
  static T decode(decoder& in) {
    T value{};
    in.read(&value, least_bytes, type_name<T>());
    return value;
  }
};

template <>
struct wire<bool> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const bool& value) {
    const std::uint8_t byte = value ? 1 : 0;
    out.write(&byte, 1);
  }
  static bool decode(decoder& in, std::string_view type = "bool") {
    std::uint8_t byte = 0;
    in.read(&byte, 1, type);
    if (byte > 1) in.fail(type, "begins with a byte that is neither 0 nor 1");
    return byte == 1;
  }
};

template <class E>
  requires is_bool_enum<E>
struct wire<E> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const E& value) { wire<bool>::encode(out, static_cast<bool>(value)); }
  static E decode(decoder& in) { return static_cast<E>(wire<bool>::decode(in, type_name<E>())); }
};

template <class T, std::size_t N>
struct wire<std::array<T, N>> {
  using parts = types<T>;
  static constexpr std::size_t least_bytes = N * detail::least_bytes<T>();

  static void encode(encoder& out, const std::array<T, N>& value) { encode_run<T>(out, value.data(), N); }
  static std::array<T, N> decode(decoder& in) {
    if constexpr (std::is_default_constructible_v<T> && std::is_move_assignable_v<T>) {
      std::array<T, N> value{};
      decode_run<std::array<T, N>>(in, value.data(), N);
      return value;
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<T, N>{(static_cast<void>(I), decode_value<T>(in))...};
      }(std::make_index_sequence<N>());
    }
  }
};

template <class T, class... F>
constexpr bool made_of = requires { T{std::declval<F>()...}; };

template <class T>
void decode_field(decoder& in, T& field) {
  if constexpr (std::is_array_v<T>)
    decode_run<T>(in, field, std::extent_v<T>);
  else
    field = decode_value<T>(in);
}

template <class T, class... F>
T decode_fields(decoder& in, types<F...>) {
  decoder::level here(in, type_name<T>(), "field", decoder::level::depth::is_bounded);
  std::size_t number = 0;
  if constexpr ((std::is_array_v<F> || ...)) {
    T value{};
    std::apply([&](auto&... field) { ((here.at(++number), decode_field(in, field)), ...); }, fields(value));
    return value;
  } else {
    return T{(here.at(++number), decode_value<std::remove_cv_t<F>>(in))...};
  }
}

template <class T>
void encode_value(encoder& out, const T& value) {
  if constexpr (std::is_bounded_array_v<T>) {
    encode_run(out, value, std::extent_v<T>);
  } else if constexpr (has_codec<T>) {
    const encoder::level deeper(out);
    codec<T>::encode(out, value);
  } else if constexpr (has_wire<T>) {
    wire<T>::encode(out, value);
  } else {
    std::apply([&](const auto&... field) { (encode_value(out, field), ...); }, fields(value));
  }
}

template <class T>
T decode_value(decoder& in) {
  if constexpr (has_codec<T>) {
    const decoder::level deeper(in, type_name<T>(), "the value");
    return codec<T>::decode(in);
  } else if constexpr (has_wire<T>) {
    return wire<T>::decode(in);
  } else {
    return decode_fields<T>(in, field_types<T>());
  }
}

} // namespace weir::detail

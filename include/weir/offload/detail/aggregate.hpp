#pragma once

#include <weir/offload/detail/type_name.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

/// The most fields of an aggregate that travels without a weir::codec of its own.
constexpr std::size_t max_fields = 32;

// Stands for a value of any type in an unevaluated initialiser of an aggregate T. Its conversion is const, so that a
// class with a constructor from anything (std::optional) prefers that constructor instead of being ambiguous. It has a
// body, never run, because the compiler may look into such a constructor.
template <class T>
struct any_value {
  template <class U>
    requires(!std::is_same_v<U, T>)
  operator U() const noexcept {
    std::terminate();
  }
};
template <class T>
struct any_base {
  template <class U>
    requires(!std::is_same_v<U, T> && std::is_base_of_v<U, T>)
  operator U() const noexcept {
    std::terminate();
  }
};

// clang-format off
#define WEIR_NAMES_1 f1
#define WEIR_NAMES_2 WEIR_NAMES_1, f2
#define WEIR_NAMES_3 WEIR_NAMES_2, f3
#define WEIR_NAMES_4 WEIR_NAMES_3, f4
#define WEIR_NAMES_5 WEIR_NAMES_4, f5
#define WEIR_NAMES_6 WEIR_NAMES_5, f6
#define WEIR_NAMES_7 WEIR_NAMES_6, f7
#define WEIR_NAMES_8 WEIR_NAMES_7, f8
#define WEIR_NAMES_9 WEIR_NAMES_8, f9
#define WEIR_NAMES_10 WEIR_NAMES_9, f10
#define WEIR_NAMES_11 WEIR_NAMES_10, f11
#define WEIR_NAMES_12 WEIR_NAMES_11, f12
#define WEIR_NAMES_13 WEIR_NAMES_12, f13
#define WEIR_NAMES_14 WEIR_NAMES_13, f14
#define WEIR_NAMES_15 WEIR_NAMES_14, f15
#define WEIR_NAMES_16 WEIR_NAMES_15, f16
#define WEIR_NAMES_17 WEIR_NAMES_16, f17
#define WEIR_NAMES_18 WEIR_NAMES_17, f18
#define WEIR_NAMES_19 WEIR_NAMES_18, f19
#define WEIR_NAMES_20 WEIR_NAMES_19, f20
#define WEIR_NAMES_21 WEIR_NAMES_20, f21
#define WEIR_NAMES_22 WEIR_NAMES_21, f22
#define WEIR_NAMES_23 WEIR_NAMES_22, f23
#define WEIR_NAMES_24 WEIR_NAMES_23, f24
#define WEIR_NAMES_25 WEIR_NAMES_24, f25
#define WEIR_NAMES_26 WEIR_NAMES_25, f26
#define WEIR_NAMES_27 WEIR_NAMES_26, f27
#define WEIR_NAMES_28 WEIR_NAMES_27, f28
#define WEIR_NAMES_29 WEIR_NAMES_28, f29
#define WEIR_NAMES_30 WEIR_NAMES_29, f30
#define WEIR_NAMES_31 WEIR_NAMES_30, f31
#define WEIR_NAMES_32 WEIR_NAMES_31, f32
#define WEIR_TYPES_1 decltype(f1)
#define WEIR_TYPES_2 WEIR_TYPES_1, decltype(f2)
#define WEIR_TYPES_3 WEIR_TYPES_2, decltype(f3)
#define WEIR_TYPES_4 WEIR_TYPES_3, decltype(f4)
#define WEIR_TYPES_5 WEIR_TYPES_4, decltype(f5)
#define WEIR_TYPES_6 WEIR_TYPES_5, decltype(f6)
#define WEIR_TYPES_7 WEIR_TYPES_6, decltype(f7)
#define WEIR_TYPES_8 WEIR_TYPES_7, decltype(f8)
#define WEIR_TYPES_9 WEIR_TYPES_8, decltype(f9)
#define WEIR_TYPES_10 WEIR_TYPES_9, decltype(f10)
#define WEIR_TYPES_11 WEIR_TYPES_10, decltype(f11)
#define WEIR_TYPES_12 WEIR_TYPES_11, decltype(f12)
#define WEIR_TYPES_13 WEIR_TYPES_12, decltype(f13)
#define WEIR_TYPES_14 WEIR_TYPES_13, decltype(f14)
#define WEIR_TYPES_15 WEIR_TYPES_14, decltype(f15)
#define WEIR_TYPES_16 WEIR_TYPES_15, decltype(f16)
#define WEIR_TYPES_17 WEIR_TYPES_16, decltype(f17)
#define WEIR_TYPES_18 WEIR_TYPES_17, decltype(f18)
#define WEIR_TYPES_19 WEIR_TYPES_18, decltype(f19)
#define WEIR_TYPES_20 WEIR_TYPES_19, decltype(f20)
#define WEIR_TYPES_21 WEIR_TYPES_20, decltype(f21)
#define WEIR_TYPES_22 WEIR_TYPES_21, decltype(f22)
#define WEIR_TYPES_23 WEIR_TYPES_22, decltype(f23)
#define WEIR_TYPES_24 WEIR_TYPES_23, decltype(f24)
#define WEIR_TYPES_25 WEIR_TYPES_24, decltype(f25)
#define WEIR_TYPES_26 WEIR_TYPES_25, decltype(f26)
#define WEIR_TYPES_27 WEIR_TYPES_26, decltype(f27)
#define WEIR_TYPES_28 WEIR_TYPES_27, decltype(f28)
#define WEIR_TYPES_29 WEIR_TYPES_28, decltype(f29)
#define WEIR_TYPES_30 WEIR_TYPES_29, decltype(f30)
#define WEIR_TYPES_31 WEIR_TYPES_30, decltype(f31)
#define WEIR_TYPES_32 WEIR_TYPES_31, decltype(f32)
#define WEIR_BRACES_1 {}
#define WEIR_BRACES_2 WEIR_BRACES_1, {}
#define WEIR_BRACES_3 WEIR_BRACES_2, {}
#define WEIR_BRACES_4 WEIR_BRACES_3, {}
#define WEIR_BRACES_5 WEIR_BRACES_4, {}
#define WEIR_BRACES_6 WEIR_BRACES_5, {}
#define WEIR_BRACES_7 WEIR_BRACES_6, {}
#define WEIR_BRACES_8 WEIR_BRACES_7, {}
#define WEIR_BRACES_9 WEIR_BRACES_8, {}
#define WEIR_BRACES_10 WEIR_BRACES_9, {}
#define WEIR_BRACES_11 WEIR_BRACES_10, {}
#define WEIR_BRACES_12 WEIR_BRACES_11, {}
#define WEIR_BRACES_13 WEIR_BRACES_12, {}
#define WEIR_BRACES_14 WEIR_BRACES_13, {}
#define WEIR_BRACES_15 WEIR_BRACES_14, {}
#define WEIR_BRACES_16 WEIR_BRACES_15, {}
#define WEIR_BRACES_17 WEIR_BRACES_16, {}
#define WEIR_BRACES_18 WEIR_BRACES_17, {}
#define WEIR_BRACES_19 WEIR_BRACES_18, {}
#define WEIR_BRACES_20 WEIR_BRACES_19, {}
#define WEIR_BRACES_21 WEIR_BRACES_20, {}
#define WEIR_BRACES_22 WEIR_BRACES_21, {}
#define WEIR_BRACES_23 WEIR_BRACES_22, {}
#define WEIR_BRACES_24 WEIR_BRACES_23, {}
#define WEIR_BRACES_25 WEIR_BRACES_24, {}
#define WEIR_BRACES_26 WEIR_BRACES_25, {}
#define WEIR_BRACES_27 WEIR_BRACES_26, {}
#define WEIR_BRACES_28 WEIR_BRACES_27, {}
#define WEIR_BRACES_29 WEIR_BRACES_28, {}
#define WEIR_BRACES_30 WEIR_BRACES_29, {}
#define WEIR_BRACES_31 WEIR_BRACES_30, {}
#define WEIR_BRACES_32 WEIR_BRACES_31, {}
#define WEIR_BRACES_33 WEIR_BRACES_32, {}
#define WEIR_EACH(ROW) \
  ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) \
  ROW(9) ROW(10) ROW(11) ROW(12) ROW(13) ROW(14) ROW(15) ROW(16) \
  ROW(17) ROW(18) ROW(19) ROW(20) ROW(21) ROW(22) ROW(23) ROW(24) \
  ROW(25) ROW(26) ROW(27) ROW(28) ROW(29) ROW(30) ROW(31) ROW(32)
// clang-format on

template <class T, std::size_t... I>
consteval bool takes_values(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), any_value<T>{})...}; };
}
template <class T, std::size_t... I>
consteval bool takes_base(std::index_sequence<I...>) {
  return requires { T{any_base<T>{}, (static_cast<void>(I), any_value<T>{})...}; };
}

template <class T, std::size_t N>
consteval std::size_t count_values() {
  if constexpr (takes_values<T>(std::make_index_sequence<N>()))
    return N;
  else if constexpr (N == 0)
    return max_fields + 1;
  else
    return count_values<T, N - 1>();
}

/// The number of fields of the aggregate T; max_fields + 1 where there are more, or where they cannot be counted: one
/// is a reference, or T has neither a default value nor fields that all have values of their own (not C arrays).
template <class T>
consteval std::size_t count_fields() {
  // An empty pair of braces stands for exactly one field, also where that is an array.
  if constexpr (requires { T{}; }) {
#define WEIR_ROW(n)                                                                                                    \
  if constexpr (!requires { T{WEIR_BRACES_##n}; })                                                                     \
    return n - 1;                                                                                                      \
  else
    WEIR_EACH(WEIR_ROW)
#undef WEIR_ROW
    if constexpr (!requires { T{WEIR_BRACES_33}; })
      return max_fields;
    else
      return max_fields + 1;
  } else {
    return count_values<T, max_fields + 1>();
  }
}

template <class T>
constexpr std::size_t field_count = count_fields<T>();

template <class T>
consteval bool find_base() {
  if constexpr (requires { T{}; })
    return takes_base<T>(std::index_sequence<>());
  else if constexpr (field_count<T> >= 1 && field_count<T> <= max_fields)
    return takes_base<T>(std::make_index_sequence<field_count<T> - 1>());
  else
    return false;
}

/// Whether the aggregate T has a base class.
template <class T>
constexpr bool has_base = find_base<T>();

template <class... F>
void bind_all(F&...); // takes no bit-fields: no reference binds to them
struct bit_fields {};

template <class T>
auto list_field_types(T& value) {
#define WEIR_ROW(n)                                                                                                    \
  else if constexpr (field_count<T> == n) {                                                                            \
    auto& [WEIR_NAMES_##n] = value;                                                                                    \
    if constexpr (requires { bind_all(WEIR_NAMES_##n); })                                                              \
      return types<WEIR_TYPES_##n>();                                                                                  \
    else                                                                                                               \
      return bit_fields();                                                                                             \
  }
  if constexpr (field_count<T> == 0) {
    return types<>();
  }
  WEIR_EACH(WEIR_ROW)
#undef WEIR_ROW
}

/// The declared types of the fields of T, at most max_fields and no base, as types<...>; bit_fields where one is.
template <class T>
using field_types = decltype(list_field_types(std::declval<T&>()));

/// References to the fields of `value`, in order.
template <class T>
constexpr auto fields(T& value) noexcept {
  using plain = std::remove_const_t<T>;
#define WEIR_ROW(n)                                                                                                    \
  else if constexpr (field_count<plain> == n) {                                                                        \
    auto& [WEIR_NAMES_##n] = value;                                                                                    \
    return std::tie(WEIR_NAMES_##n);                                                                                   \
  }
  if constexpr (field_count<plain> == 0) {
    return std::tuple<>();
  }
  WEIR_EACH(WEIR_ROW)
#undef WEIR_ROW
}

#undef WEIR_NAMES_1
#undef WEIR_NAMES_2
#undef WEIR_NAMES_3
#undef WEIR_NAMES_4
#undef WEIR_NAMES_5
#undef WEIR_NAMES_6
#undef WEIR_NAMES_7
#undef WEIR_NAMES_8
#undef WEIR_NAMES_9
#undef WEIR_NAMES_10
#undef WEIR_NAMES_11
#undef WEIR_NAMES_12
#undef WEIR_NAMES_13
#undef WEIR_NAMES_14
#undef WEIR_NAMES_15
#undef WEIR_NAMES_16
#undef WEIR_NAMES_17
#undef WEIR_NAMES_18
#undef WEIR_NAMES_19
#undef WEIR_NAMES_20
#undef WEIR_NAMES_21
#undef WEIR_NAMES_22
#undef WEIR_NAMES_23
#undef WEIR_NAMES_24
#undef WEIR_NAMES_25
#undef WEIR_NAMES_26
#undef WEIR_NAMES_27
#undef WEIR_NAMES_28
#undef WEIR_NAMES_29
#undef WEIR_NAMES_30
#undef WEIR_NAMES_31
#undef WEIR_NAMES_32
#undef WEIR_TYPES_1
#undef WEIR_TYPES_2
#undef WEIR_TYPES_3
#undef WEIR_TYPES_4
#undef WEIR_TYPES_5
#undef WEIR_TYPES_6
#undef WEIR_TYPES_7
#undef WEIR_TYPES_8
#undef WEIR_TYPES_9
#undef WEIR_TYPES_10
#undef WEIR_TYPES_11
#undef WEIR_TYPES_12
#undef WEIR_TYPES_13
#undef WEIR_TYPES_14
#undef WEIR_TYPES_15
#undef WEIR_TYPES_16
#undef WEIR_TYPES_17
#undef WEIR_TYPES_18
#undef WEIR_TYPES_19
#undef WEIR_TYPES_20
#undef WEIR_TYPES_21
#undef WEIR_TYPES_22
#undef WEIR_TYPES_23
#undef WEIR_TYPES_24
#undef WEIR_TYPES_25
#undef WEIR_TYPES_26
#undef WEIR_TYPES_27
#undef WEIR_TYPES_28
#undef WEIR_TYPES_29
#undef WEIR_TYPES_30
#undef WEIR_TYPES_31
#undef WEIR_TYPES_32
#undef WEIR_BRACES_1
#undef WEIR_BRACES_2
#undef WEIR_BRACES_3
#undef WEIR_BRACES_4
#undef WEIR_BRACES_5
#undef WEIR_BRACES_6
#undef WEIR_BRACES_7
#undef WEIR_BRACES_8
#undef WEIR_BRACES_9
#undef WEIR_BRACES_10
#undef WEIR_BRACES_11
#undef WEIR_BRACES_12
#undef WEIR_BRACES_13
#undef WEIR_BRACES_14
#undef WEIR_BRACES_15
#undef WEIR_BRACES_16
#undef WEIR_BRACES_17
#undef WEIR_BRACES_18
#undef WEIR_BRACES_19
#undef WEIR_BRACES_20
#undef WEIR_BRACES_21
#undef WEIR_BRACES_22
#undef WEIR_BRACES_23
#undef WEIR_BRACES_24
#undef WEIR_BRACES_25
#undef WEIR_BRACES_26
#undef WEIR_BRACES_27
#undef WEIR_BRACES_28
#undef WEIR_BRACES_29
#undef WEIR_BRACES_30
#undef WEIR_BRACES_31
#undef WEIR_BRACES_32
#undef WEIR_BRACES_33
#undef WEIR_EACH

} // namespace weir::detail

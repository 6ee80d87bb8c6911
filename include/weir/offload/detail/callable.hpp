#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/detail/function_name.hpp>

#include <functional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

/// Stands for the function F, known at compile time.
template <auto F>
struct constant_function {};

/// R(P...) of a callable whose parameters are known; nothing for a generic lambda.
template <class F>
struct signature {};
template <class R, class... P>
struct signature<R(P...)> {
  using returned = R;
  using parameters = types<P...>;
};
template <class R, class... P>
struct signature<R(P...) noexcept> : signature<R(P...)> {};
template <class F>
struct signature<F*> : signature<F> {};
template <auto F>
struct signature<constant_function<F>> : signature<decltype(F)> {};
#define WEIR_MEMBER(QUALIFIERS)                                                                                        \
  template <class C, class R, class... P>                                                                              \
  struct signature<R (C::*)(P...) QUALIFIERS> : signature<R(P...)> {};
WEIR_MEMBER()
WEIR_MEMBER(const)
WEIR_MEMBER(noexcept)
WEIR_MEMBER(const noexcept)
#undef WEIR_MEMBER
template <class F>
  requires(std::is_class_v<F> && requires { &F::operator(); })
struct signature<F> : signature<decltype(&F::operator())> {};

template <class F>
concept has_signature = requires { typename signature<F>::parameters; };

// How a thunk holds its function.
template <class F>
struct held_function : F {
  static std::string_view label() { return function_label<F>(); }
};
template <auto F>
struct held_function<constant_function<F>> {
  template <class... A>
  decltype(auto) operator()(A&&... args) const {
    return std::invoke(F, std::forward<A>(args)...);
  }
  static std::string_view label() { return function_label<F>(); }
};
template <class F>
struct held_function<F*> {
  template <class... A>
  decltype(auto) operator()(A&&... args) const {
    return pointer(std::forward<A>(args)...);
  }
  static held_function from(void* address) noexcept { return {reinterpret_cast<F*>(address)}; }
  static std::string_view label() { return type_name<F>(); }
  F* pointer;
};

template <class F, class R, bool WantsStop, class... P>
struct process_thunk;

template <class P>
constexpr bool is_writable = std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;
template <class R>
constexpr bool result_can_be_sent = can_be_sent<std::remove_cvref_t<R>>;
template <>
inline constexpr bool result_can_be_sent<void> = true;

template <std::size_t Number, class P>
void explain_parameter() {
  static_assert(!is_writable<P>,
                "weir: a function that takes a parameter by reference to non-const cannot run in a worker process: "
                "what it writes there never comes back. Take the value, and return the changed one.");
  if constexpr (!is_writable<P>) explain<parameter_number<Number>, std::remove_cvref_t<P>>();
}

template <std::size_t Number, class Given, class P>
void explain_argument() {
  static_assert(std::is_convertible_v<Given, std::remove_cvref_t<P>>,
                "weir: the argument of this number cannot be converted to the function's parameter.");
}

template <class Held, class R, bool WantsStop, class Parameters>
struct fixed_shape;

/// A call of known parameters P... that gives R.
template <class Held, class R, bool WantsStop, class... P>
struct fixed_shape<Held, R, WantsStop, types<P...>> {
  using result = std::remove_cvref_t<R>;
  using arguments = std::tuple<std::remove_cvref_t<P>...>;
  using thunk_type = process_thunk<Held, result, WantsStop, std::remove_cvref_t<P>...>;

  static constexpr bool right_types =
      (... && (!is_writable<P> && detail::can_be_sent<std::remove_cvref_t<P>>)) && result_can_be_sent<R>;

  template <class... Given>
  static consteval bool can_be_called() {
    if constexpr (sizeof...(Given) == sizeof...(P))
      return right_types && (... && std::is_convertible_v<Given, std::remove_cvref_t<P>>);
    else
      return false;
  }
  template <class... Given>
  static void explain_call() {
    explain_types(std::index_sequence_for<P...>());
    static_assert(sizeof...(Given) == sizeof...(P),
                  "weir: the function takes another number of arguments (a default argument must be given as well; a "
                  "leading std::stop_token comes by itself).");
    if constexpr (sizeof...(Given) == sizeof...(P) && right_types)
      explain_given<Given...>(std::index_sequence_for<P...>());
  }
  template <class... Given>
  static arguments convert(Given&&... given) {
    return arguments{as<std::remove_cvref_t<P>>(std::forward<Given>(given))...};
  }

 private:
  template <std::size_t... I>
  static void explain_types(std::index_sequence<I...>) {
    (explain_parameter<I + 1, P>(), ...);
    if constexpr (!result_can_be_sent<R>) explain<the_result, std::remove_cvref_t<R>>();
  }
  template <class... Given, std::size_t... I>
  static void explain_given(std::index_sequence<I...>) {
    (explain_argument<I + 1, Given, P>(), ...);
  }
  template <class T, class Given>
  static T as(Given&& given) {
    return std::forward<Given>(given); // the conversions of a plain call, no others
  }
};

// A leading std::stop_token is the worker's own; it does not travel.
template <class Held, class R, class Parameters>
struct shape_of_signature : fixed_shape<Held, R, false, Parameters> {};
template <class Held, class R, class First, class... P>
  requires std::is_same_v<std::remove_cvref_t<First>, std::stop_token>
struct shape_of_signature<Held, R, types<First, P...>> : fixed_shape<Held, R, true, types<P...>> {};

template <class F, class Args>
struct call_shape;

template <class F, class... Args>
  requires has_signature<F>
struct call_shape<F, types<Args...>>
    : shape_of_signature<held_function<F>, typename signature<F>::returned, typename signature<F>::parameters> {};

/// A generic lambda or an overloaded function object: it takes what it is given.
template <class F, class... Args>
  requires(!has_signature<F> && std::is_invocable_v<F&, Args...>)
struct call_shape<F, types<Args...>>
    : fixed_shape<held_function<F>, std::invoke_result_t<F&, Args...>, false, types<Args...>> {};

template <class F, class... Args>
  requires(!has_signature<F> && !std::is_invocable_v<F&, Args...>)
struct call_shape<F, types<Args...>> {
  using result = void;
  using arguments = std::tuple<>;
  template <class...>
  static consteval bool can_be_called() {
    return false;
  }
  template <class...>
  static void explain_call() {
    static_assert(std::is_void_v<F>, "weir: this cannot be called with these arguments. A worker process gets copies: "
                                     "take parameters by value or by reference to const.");
  }
};

// A function, or an object that can be made from nothing.
template <class F>
constexpr bool is_bare = !std::is_class_v<F> || (std::is_empty_v<F> && std::is_default_constructible_v<F>);

template <class F>
struct function_can_be_sent {
  static constexpr bool value = is_bare<F> && !std::is_member_pointer_v<F>;
  static void explain_function() {
    static_assert(!std::is_member_pointer_v<F>,
                  "weir: a member function cannot run in a worker process by itself. Wrap it in a lambda without "
                  "captures that takes the object as an argument.");
    static_assert(is_bare<F>, "weir: captures cannot be sent to a worker process: pass them as arguments. (A function "
                              "object must be empty; std::function cannot be sent either.)");
  }
};
template <auto F>
struct function_can_be_sent<constant_function<F>> : function_can_be_sent<std::remove_const_t<decltype(F)>> {};

} // namespace weir::detail

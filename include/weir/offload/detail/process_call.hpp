#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/detail/callable.hpp>
#include <weir/offload/detail/exception_codec.hpp>
#include <weir/offload/detail/function_name.hpp>
#include <weir/offload/detail/reply.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::detail {

/// What a job knows of the worker that it runs in.
struct thunk_context {
  std::stop_token stop;                          ///< for functions whose first parameter is a std::stop_token
  std::vector<std::string> (*trace)() = nullptr; ///< called where a function threw: lines for the report
};

/// Runs one call in a worker: decodes the arguments, calls, encodes the result or the exception. Returns the reply, or
/// nothing where not even an error found room. Never throws.
using thunk = std::span<const std::byte> (*)(decoder& arguments, reply_room& room, const thunk_context& context);

/// The thunk of calls of an F that gives R and takes P... (all without references). For constants and captureless
/// lambdas F is made anew; a function pointer comes as a function_name before the arguments.
template <class F, class R, bool WantsStop, class... P>
struct process_thunk {
  static constexpr bool wants_stop = WantsStop;

  static std::span<const std::byte> run(decoder& in, reply_room& room, const thunk_context& context) noexcept {
    try {
      F function = read_function(in);
      std::tuple<P...> arguments = read_arguments(in, std::index_sequence_for<P...>());
      in.finish();
      auto call = [&](P&... argument) -> decltype(auto) {
        if constexpr (WantsStop)
          return std::invoke(function, std::stop_token(context.stop), pass<P>(argument)...);
        else
          return std::invoke(function, pass<P>(argument)...);
      };
      if constexpr (std::is_void_v<R>) {
        std::apply(call, arguments);
        return write_reply(room, [](encoder& out) { out.put(reply_kind::value); });
      } else {
        const R result = std::apply(call, arguments);
        return write_reply(room, [&](encoder& out) {
          out.put(reply_kind::value);
          encode_value<R>(out, result);
        });
      }
    } catch (...) {
      return write_failure(room, label(), context.trace);
    }
  }

  static std::string_view label() noexcept {
    try {
      return F::label();
    } catch (...) {
      return "a function";
    }
  }

 private:
  // What the callee takes by reference or by value: both may take it over, it is not used again. A parameter of type
  // const T& takes an rvalue as well.
  template <class T>
  static T&& pass(T& argument) noexcept {
    return static_cast<T&&>(argument);
  }
  static F read_function(decoder& in) {
    if constexpr (requires { F::from(nullptr); })
      return F::from(resolve_function(in.get<function_name>()));
    else
      return F();
  }
  template <std::size_t... I>
  static std::tuple<P...> read_arguments([[maybe_unused]] decoder& in, std::index_sequence<I...>) {
    const std::string_view name = label();
    [[maybe_unused]] decoder::level here(in, name, "parameter", decoder::level::depth::is_bounded);
    return std::tuple<P...>{(here.at(I + 1), decode_value<P>(in))...};
  }
};

/// One kind of call: an F (constant_function, a captureless lambda's type, or a function pointer's) with the arguments
/// that the caller gave.
template <class F, class... Args>
struct process_call {
  using shape = call_shape<std::remove_cvref_t<F>, types<std::decay_t<Args>...>>;
  using result = typename shape::result;       ///< without references; void
  using arguments = typename shape::arguments; ///< std::tuple of the parameters without references

  /// Whether all of it can be sent.
  static consteval bool can_be_sent() {
    if constexpr (function_can_be_sent<std::remove_cvref_t<F>>::value)
      return shape::template can_be_called<Args...>();
    else
      return false;
  }
  /// Call it before anything else, and go on only `if constexpr (can_be_sent())`: the compiler then says in plain words
  /// what cannot be sent, and nothing else.
  static void explain() {
    if constexpr (!function_can_be_sent<std::remove_cvref_t<F>>::value)
      function_can_be_sent<std::remove_cvref_t<F>>::explain_function();
    else if constexpr (!can_be_sent())
      shape::template explain_call<Args...>();
  }

  /// The arguments as the function takes them: converted here, not in the worker.
  static arguments convert(Args&&... args) { return shape::convert(std::forward<Args>(args)...); }
  /// What the thunk reads. `function` matters for function pointers only. Fails: errc::invalid_argument.
  static void encode(encoder& out, const std::remove_cvref_t<F>& function, const arguments& args) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<F>>)
      encode_value(out, name_function(reinterpret_cast<const void*>(function)));
    std::apply([&](const auto&... argument) { (encode_value(out, argument), ...); }, args);
  }
  static constexpr thunk entry() noexcept { return &shape::thunk_type::run; }
  /// The name under which a worker finds entry().
  static function_name entry_name() { return name_function(reinterpret_cast<const void*>(entry())); }
  /// A name for people.
  static std::string label(const std::remove_cvref_t<F>& function) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<F>>)
      return describe_function(reinterpret_cast<const void*>(function), shape::thunk_type::label());
    else
      return std::string(shape::thunk_type::label());
  }
};

} // namespace weir::detail

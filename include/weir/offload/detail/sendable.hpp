#pragma once

#include <weir/offload/detail/wire.hpp>
#include <weir/offload/detail/wire_containers.hpp>
#include <weir/offload/detail/wire_std.hpp>

#include <cstdio>
#include <string_view>
#include <type_traits>

namespace weir::detail {

/// Why a type cannot be sent to another process.
enum class refusal {
  none,
  raw_pointer,
  function_pointer,
  reference,
  view,
  shared_pointer,
  descriptor,
  synchronisation,
  function_object,
  coroutine,
  polymorphic_pointer,
  unknown_array,
  union_type,
  base_class,
  too_many_fields,
  not_made_of_fields,
  opaque_class,
};

template <refusal Why, class Culprit>
struct verdict {
  static constexpr refusal why = Why;
  using culprit = Culprit;
};
using accepted = verdict<refusal::none, void>;

template <class T>
constexpr bool is_unsafe_owner = false; // the object may be of a derived class, of which only a part would arrive
template <class T>
constexpr bool is_unsafe_owner<std::unique_ptr<T>> =
    std::is_polymorphic_v<T> && !std::is_final_v<T> && !has_codec<std::remove_const_t<T>>;

// By name: the headers that define these would burden everybody who sends an int.
consteval bool begins_with_one_of(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  for (const std::string_view beginning : beginnings)
    if (name.starts_with(beginning)) return true;
  return false;
}

template <class T>
consteval refusal judge_class() {
  constexpr std::string_view name = type_name<T>();
  if (begins_with_one_of(name, {"std::basic_string_view<", "std::span<", "std::initializer_list<"}))
    return refusal::view;
  if (begins_with_one_of(name, {"std::shared_ptr<", "std::weak_ptr<"})) return refusal::shared_pointer;
  if (name.starts_with("std::reference_wrapper<")) return refusal::reference;
  if (begins_with_one_of(name, {"weir::unique_fd", "weir::descriptor", "weir::files::file", "std::basic_fstream<",
                                "std::basic_ifstream<", "std::basic_ofstream<", "std::basic_filebuf<"}))
    return refusal::descriptor;
  if (begins_with_one_of(name, {"std::mutex",
                                "std::timed_mutex",
                                "std::recursive_mutex",
                                "std::recursive_timed_mutex",
                                "std::shared_mutex",
                                "std::shared_timed_mutex",
                                "std::unique_lock<",
                                "std::lock_guard<",
                                "std::condition_variable",
                                "std::thread",
                                "std::jthread",
                                "std::atomic<",
                                "std::atomic_flag",
                                "std::future<",
                                "std::promise<",
                                "std::shared_future<",
                                "std::stop_token",
                                "std::stop_source",
                                "std::latch",
                                "std::barrier<",
                                "std::counting_semaphore<",
                                "weir::mutex",
                                "weir::event",
                                "weir::limiter",
                                "weir::semaphore",
                                "weir::channel<",
                                "weir::loop",
                                "weir::task_group"}))
    return refusal::synchronisation;
  if (begins_with_one_of(name, {"std::function<", "std::packaged_task<"}) || name.find("(lambda at ") == 0)
    return refusal::function_object;
  if (begins_with_one_of(name, {"weir::task<", "std::coroutine_handle<"})) return refusal::coroutine;
  return refusal::opaque_class;
}

template <class T, class... F>
consteval bool can_be_made(types<F...>) {
  if constexpr ((std::is_array_v<F> || ...))
    return std::is_default_constructible_v<T> && (!std::is_const_v<F> && ...) &&
           ((std::is_array_v<F> || std::is_move_assignable_v<F>) && ...);
  else
    return made_of<T, F...>;
}

template <class T, class... Seen>
constexpr auto examine();

template <class... Seen>
constexpr accepted examine_parts(types<>, types<Seen...>) {
  return {};
}
template <class First, class... Rest, class... Seen>
constexpr auto examine_parts(types<First, Rest...>, types<Seen...> seen) {
  using found = decltype(examine<First, Seen...>());
  if constexpr (found::why != refusal::none)
    return found();
  else
    return examine_parts(types<Rest...>(), seen);
}

/// The verdict on T. `Seen` are the types that it is part of: a type within itself (a tree) is fine.
template <class T, class... Seen>
constexpr auto examine() {
  if constexpr (std::is_const_v<T>) {
    return examine<std::remove_const_t<T>, Seen...>();
  } else if constexpr ((std::is_same_v<T, Seen> || ...)) {
    return accepted();
  } else if constexpr (std::is_reference_v<T>) {
    return verdict<refusal::reference, T>();
  } else if constexpr (std::is_same_v<T, FILE*>) {
    return verdict<refusal::descriptor, T>();
  } else if constexpr (std::is_member_pointer_v<T> || std::is_function_v<std::remove_pointer_t<T>>) {
    return verdict<refusal::function_pointer, T>();
  } else if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>) {
    return verdict<refusal::raw_pointer, T>();
  } else if constexpr (std::is_bounded_array_v<T>) {
    return examine<std::remove_extent_t<T>, Seen...>();
  } else if constexpr (std::is_array_v<T>) {
    return verdict<refusal::unknown_array, T>();
  } else if constexpr (has_codec<T>) {
    return accepted();
  } else if constexpr (is_unsafe_owner<T>) {
    return verdict<refusal::polymorphic_pointer, T>();
  } else if constexpr (has_wire<T>) {
    return examine_parts(typename wire<T>::parts(), types<Seen..., T>());
  } else if constexpr (std::is_union_v<T>) {
    return verdict<refusal::union_type, T>();
  } else if constexpr (judge_class<T>() != refusal::opaque_class || !plain_aggregate<T>) {
    return verdict<judge_class<T>(), T>();
  } else if constexpr (has_base<T>) {
    return verdict<refusal::base_class, T>();
  } else if constexpr (field_count<T> > max_fields) {
    return verdict<refusal::too_many_fields, T>();
  } else if constexpr (std::is_same_v<field_types<T>, bit_fields>) {
    return verdict<refusal::not_made_of_fields, T>();
  } else if constexpr (examine_parts(field_types<T>(), types<Seen..., T>()).why != refusal::none) {
    return examine_parts(field_types<T>(), types<Seen..., T>());
  } else if constexpr (!can_be_made<T>(field_types<T>())) {
    return verdict<refusal::not_made_of_fields, T>();
  } else {
    return accepted();
  }
}

template <class T>
using verdict_on = decltype(examine<T>());

// Where a type was met; only their names matter, in the compiler's "in instantiation of".
template <std::size_t Number>
struct parameter_number {};
struct the_result {};
struct a_value {};

/// Refuses `Sent` at compile time because of `Culprit`, itself or a part of it.
template <class Place, class Sent, class Culprit, refusal Why>
void cannot_be_sent() {
  static_assert(Why != refusal::raw_pointer,
                "weir: a raw pointer cannot be sent to a worker process, whose memory is another. Send the value "
                "itself; use std::string, std::vector or std::unique_ptr.");
  static_assert(Why != refusal::function_pointer,
                "weir: a pointer to a function or member cannot be sent inside a value: only the function that is to "
                "run in the worker process is named for it.");
  static_assert(Why != refusal::reference,
                "weir: a reference (std::ref, std::reference_wrapper or a reference member) cannot be sent to a worker "
                "process: what it refers to stays here. Send the value and return the changed one.");
  static_assert(Why != refusal::view, "weir: a view (std::string_view, std::span) cannot be sent: the memory that it "
                                      "looks at does not exist in the worker process. Use std::string / std::vector.");
  static_assert(Why != refusal::shared_pointer,
                "weir: a std::shared_ptr or std::weak_ptr cannot be sent: nothing is shared with a worker process. "
                "Send the value itself, or a std::unique_ptr to it.");
  static_assert(Why != refusal::descriptor,
                "weir: an open file cannot be sent: a descriptor of this process means nothing in the worker. Send "
                "the path or the bytes.");
  static_assert(Why != refusal::synchronisation,
                "weir: a mutex, atomic, thread, limiter or anything else that makes threads meet cannot be sent: a "
                "worker process does not share it. Send values, and return values.");
  static_assert(Why != refusal::function_object,
                "weir: a lambda or std::function cannot be sent as a value: what it holds is not known. Name the "
                "function to run, and pass its data as arguments.");
  static_assert(Why != refusal::coroutine, "weir: a task or coroutine belongs to this process's loop and cannot be "
                                           "sent. Run a plain function in the worker process.");
  static_assert(Why != refusal::polymorphic_pointer,
                "weir: a std::unique_ptr to a class with virtual functions cannot be sent: the object may be of a "
                "derived class, of which only a part would arrive. Use std::variant, or specialise weir::codec.");
  static_assert(Why != refusal::unknown_array, "weir: an array of unknown length cannot be sent. Use std::vector.");
  static_assert(Why != refusal::union_type,
                "weir: a union cannot be sent: it does not say which member is alive. Use std::variant.");
  static_assert(Why != refusal::base_class,
                "weir: a struct with a base class cannot be sent by itself. Make the base a member, or specialise "
                "weir::codec for it.");
  static_assert(Why != refusal::too_many_fields,
                "weir: this struct has more than 32 fields, or fields that cannot be counted. Group them in structs "
                "of their own, or specialise weir::codec for it.");
  static_assert(Why != refusal::not_made_of_fields,
                "weir: this struct cannot be made from the values of its fields (a bit-field, or a field that cannot "
                "be assigned). Change them, or specialise weir::codec for it.");
  static_assert(Why != refusal::opaque_class,
                "weir: this class cannot be sent: it is no struct of public fields, so its parts are not known. "
                "Specialise weir::codec for it (see weir/offload/codec.hpp), or send its parts.");
}

template <class T>
constexpr bool can_be_sent = verdict_on<T>::why == refusal::none;

// Explanations are bodies of plain functions: an error in one of them is followed by no further errors.
template <class Place, class T>
void explain() {
  if constexpr (!can_be_sent<T>) cannot_be_sent<Place, T, typename verdict_on<T>::culprit, verdict_on<T>::why>();
}

} // namespace weir::detail

#pragma once

#include <weir/offload/decoder.hpp>
#include <weir/offload/detail/sendable.hpp>
#include <weir/offload/encoder.hpp>

#include <span>
#include <type_traits>

namespace weir {

/// The one way to teach a class to travel to a worker process: specialise it for the class, with
///
///   template <>
///   struct weir::codec<money> {
///     static void encode(weir::encoder& out, const money& value) { out.put(value.cents()); }
///     static money decode(weir::decoder& in) { return money(in.get<std::int64_t>()); }
///   };
///
/// in the header that defines the class. It goes before every built-in rule. `decode` reads hostile bytes: use `get`,
/// `take` and `read_length`, and call `in.fail(...)` for values that the class does not allow. A constrained partial
/// specialisation covers a family of classes.
///
/// Without it travel: bool, numbers, enums (any value of the underlying type), std::string and its kin, std::vector,
/// std::array, deque, list, (multi)map, (multi)set and the unordered ones (default allocator; order and hash without
/// data), std::optional, std::variant, std::tuple, std::pair, std::unique_ptr to an object (may be null), std::complex,
/// std::bitset, std::chrono durations and time points, std::filesystem::path, std::error_code (generic, system and
/// iostream categories), and structs of up to 32 public fields of such types, C arrays among them, without base
/// classes.
template <class T>
struct codec;

/// Whether a T can be sent to a worker process and back.
template <class T>
concept sendable = std::is_object_v<T> && detail::can_be_sent<T>;

template <class T>
void encoder::put(const T& value) {
  if constexpr (detail::can_be_sent<T>)
    detail::encode_value<T>(*this, value);
  else
    detail::explain<detail::a_value, T>();
}

template <class T>
T decoder::get() {
  static_assert(std::is_same_v<T, std::remove_cvref_t<T>> && !std::is_array_v<T>, "weir: get a plain type");
  if constexpr (detail::can_be_sent<T>)
    return detail::decode_value<T>(*this);
  else
    detail::explain<detail::a_value, T>();
}

/// Returns the bytes that `value` takes once encoded. Cost: a walk through it; nothing is copied.
template <class T>
std::size_t encoded_size_bytes(const T& value) {
  encoder counter(std::span<std::byte>(), encoder::when_full::count);
  counter.put(value);
  return counter.size_bytes();
}

} // namespace weir

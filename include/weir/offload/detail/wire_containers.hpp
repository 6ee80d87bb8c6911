#pragma once

#include <weir/offload/detail/wire.hpp>

#include <bitset>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weir::detail {

// Room that is asked for before the elements have shown that they exist.
constexpr std::size_t max_trusted_elements = 4096;
// What a node of a list, tree or hash table takes beside its element.
constexpr std::size_t node_bytes = 48;

/// Whether a T can be read into the memory of another one.
template <class T>
concept refillable = !has_codec<T> && requires(decoder& in, T value) {
  { wire<T>::decode(in, std::move(value)) } -> std::same_as<T>;
};

/// Returns `bytes` as a vector or string of elements that travel as they are. `spare` is not used any more: the memory
/// that it has is taken where it fits, since fresh memory costs more than the copy.
template <class Whole>
Whole fill(Whole spare, std::span<const std::byte> bytes) {
  using element = typename Whole::value_type;
  const std::size_t size = bytes.size() / sizeof(element);
  if (spare.capacity() < size || spare.capacity() / 2 > size) {
    Whole().swap(spare);
    if (bytes.size() >= huge_block_bytes) {
      spare.reserve(size);
      expect_block(spare.data(), bytes.size());
    }
    if constexpr (std::is_copy_assignable_v<element>)
      if (size != 0 && reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(element) == 0) {
        const auto* first = reinterpret_cast<const element*>(bytes.data());
        spare.assign(first, first + size); // one pass
        return spare;
      }
  }
  spare.resize(size);
  copy_block(spare.data(), bytes.data(), bytes.size());
  return spare;
}

template <class C>
struct wire<std::basic_string<C>> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const std::basic_string<C>& value) {
    out.write_length(value.size());
    out.write_array(value.data(), value.size() * sizeof(C));
  }
  static std::basic_string<C> decode(decoder& in, std::basic_string<C> spare = {}) {
    constexpr auto type = type_name<std::basic_string<C>>();
    const std::size_t size = in.read_length(type, sizeof(C), 0);
    return fill(std::move(spare), in.take_array(size * sizeof(C), type));
  }
};

template <class T>
struct wire<std::vector<T>> {
  using parts = types<T>;
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const std::vector<T>& value) {
    out.write_length(value.size());
    const encoder::level deeper(out);
    if constexpr (bulk<T>)
      out.write_array(value.data(), value.size() * sizeof(T));
    else
      encode_run<T>(out, value.data(), value.size());
  }
  static std::vector<T> decode(decoder& in, std::vector<T> spare = {})
    requires bulk<T>
  {
    constexpr auto type = type_name<std::vector<T>>();
    const std::size_t size = in.read_length(type, sizeof(T), 0);
    return fill(std::move(spare), in.take_array(size * sizeof(T), type));
  }
  static std::vector<T> decode(decoder& in)
    requires(!bulk<T>)
  {
    constexpr auto type = type_name<std::vector<T>>();
    std::vector<T> value;
    const std::size_t size = in.read_length(type, detail::least_bytes<T>(), sizeof(T));
    value.reserve(size < max_trusted_elements ? size : max_trusted_elements);
    decoder::level deeper(in, type, "element");
    for (std::size_t i = 0; i < size; ++i) {
      deeper.at(i + 1);
      value.push_back(decode_value<T>(in));
    }
    return value;
  }
};

template <>
struct wire<std::vector<bool>> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const std::vector<bool>& value) {
    out.write_length(value.size());
    std::uint8_t byte = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i]) byte = static_cast<std::uint8_t>(byte | 1U << i % 8);
      if (i % 8 != 7 && i + 1 != value.size()) continue;
      out.write(&byte, 1);
      byte = 0;
    }
  }
  static std::vector<bool> decode(decoder& in) {
    const std::size_t size = in.read_length("std::vector<bool>", 0, 0);
    const auto bytes = in.take(size / 8 + (size % 8 != 0), "std::vector<bool>");
    std::vector<bool> value(size);
    for (std::size_t i = 0; i < size; ++i) value[i] = (std::to_integer<unsigned>(bytes[i / 8]) >> i % 8 & 1) != 0;
    return value;
  }
};

template <std::size_t N>
struct wire<std::bitset<N>> {
  using parts = types<>;
  static constexpr std::size_t least_bytes = (N + 7) / 8;

  static void encode(encoder& out, const std::bitset<N>& value) {
    for (std::size_t i = 0; i < N; i += 8) {
      std::uint8_t byte = 0;
      for (std::size_t k = i; k < N && k < i + 8; ++k)
        if (value[k]) byte = static_cast<std::uint8_t>(byte | 1U << (k - i));
      out.write(&byte, 1);
    }
  }
  static std::bitset<N> decode(decoder& in) {
    const auto bytes = in.take(least_bytes, type_name<std::bitset<N>>());
    std::bitset<N> value;
    for (std::size_t i = 0; i < N; ++i) value[i] = (std::to_integer<unsigned>(bytes[i / 8]) >> i % 8 & 1) != 0;
    return value;
  }
};

/// A container whose elements are added one by one with `Add`.
template <class C, class Add>
struct wire_of_nodes {
  static constexpr std::size_t least_bytes = 1;

  static void encode(encoder& out, const C& value) {
    out.write_length(value.size());
    const encoder::level deeper(out);
    for (const auto& element : value) Add::encode(out, element);
  }
  static C decode(decoder& in) {
    constexpr auto type = type_name<C>();
    const std::size_t size = in.read_length(type, Add::least_bytes, sizeof(typename C::value_type) + node_bytes);
    C value;
    decoder::level deeper(in, type, "element");
    for (std::size_t i = 0; i < size; ++i) {
      deeper.at(i + 1);
      Add::decode(in, value);
    }
    return value;
  }
};

template <class T>
struct add_back {
  static constexpr std::size_t least_bytes = detail::least_bytes<T>();
  static void encode(encoder& out, const T& value) { encode_value<T>(out, value); }
  static void decode(decoder& in, auto& into) { into.push_back(decode_value<T>(in)); }
};
template <class K>
struct add_key {
  static constexpr std::size_t least_bytes = detail::least_bytes<K>();
  static void encode(encoder& out, const K& value) { encode_value<K>(out, value); }
  static void decode(decoder& in, auto& into) { into.insert(into.end(), decode_value<K>(in)); }
};
template <class K, class V>
struct add_pair {
  static constexpr std::size_t least_bytes = detail::least_bytes<K>() + detail::least_bytes<V>();
  static void encode(encoder& out, const std::pair<const K, V>& value) {
    encode_value<K>(out, value.first);
    encode_value<V>(out, value.second);
  }
  static void decode(decoder& in, auto& into) {
    K key = decode_value<K>(in);
    into.emplace_hint(into.end(), std::move(key), decode_value<V>(in));
  }
};

#define WEIR_LIST(CONTAINER)                                                                                           \
  template <class T>                                                                                                   \
  struct wire<CONTAINER<T>> : wire_of_nodes<CONTAINER<T>, add_back<T>> {                                               \
    using parts = types<T>;                                                                                            \
  };
WEIR_LIST(std::deque)
WEIR_LIST(std::list)
#undef WEIR_LIST

// An order or a hash that holds data of its own cannot be made anew on the other side: those are not taken.
#define WEIR_SET(CONTAINER)                                                                                            \
  template <class K, class... How>                                                                                     \
    requires(std::is_empty_v<How> && ...)                                                                              \
  struct wire<CONTAINER<K, How...>> : wire_of_nodes<CONTAINER<K, How...>, add_key<K>> {                                \
    using parts = types<K>;                                                                                            \
  };
WEIR_SET(std::set)
WEIR_SET(std::multiset)
WEIR_SET(std::unordered_set)
WEIR_SET(std::unordered_multiset)
#undef WEIR_SET

#define WEIR_MAP(CONTAINER)                                                                                            \
  template <class K, class V, class... How>                                                                            \
    requires(std::is_empty_v<How> && ...)                                                                              \
  struct wire<CONTAINER<K, V, How...>> : wire_of_nodes<CONTAINER<K, V, How...>, add_pair<K, V>> {                      \
    using parts = types<K, V>;                                                                                         \
  };
WEIR_MAP(std::map)
WEIR_MAP(std::multimap)
WEIR_MAP(std::unordered_map)
WEIR_MAP(std::unordered_multimap)
#undef WEIR_MAP

} // namespace weir::detail

#include <weir/core/error.hpp>
#include <weir/offload/codec.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <limits>

namespace {

enum class colour : std::uint8_t { red, blue };
enum class answer : bool { no, yes };
struct point {
  float x, y, z;
  bool operator==(const point&) const = default;
};
struct nothing {
  bool operator==(const nothing&) const = default;
};
struct inner {
  std::string name;
  std::array<std::int16_t, 3> sizes;
  bool operator==(const inner&) const = default;
};
struct outer {
  char tag[8];
  inner parts[2];
  const std::optional<double> weight;
  std::map<std::string, std::vector<inner>> named;
  nothing empty;
  colour paint;
};
struct tree {
  int value = 0;
  std::vector<tree> children;
};
struct chain {
  int value = 0;
  std::unique_ptr<chain> next;
};
struct widest {
  int f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24,
      f25, f26, f27, f28, f29, f30, f31;
  std::string f32;
};
class money {
 public:
  explicit money(std::int64_t cents) : cents_(cents) {}
  std::int64_t cents() const { return cents_; }
  bool operator==(const money&) const = default;

 private:
  std::int64_t cents_;
};
struct price {
  money amount;
  std::string currency;
  std::optional<money> rebate;
  bool operator==(const price&) const = default;
};
class fuse {
 public:
  explicit fuse(bool blown) {
    if (blown) throw 1;
  }

 private:
  std::string wire_ = "a wire that is long enough to lie on the heap";
};
struct with_padding {
  char small;
  double large;
};

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  weir::encoder out;
  out.put(value);
  EXPECT_EQ(weir::encoded_size_bytes(value), out.size_bytes());
  return {out.bytes().begin(), out.bytes().end()};
}
template <class T>
T from(std::span<const std::byte> bytes, weir::decode_limits limits = {}) {
  weir::decoder in(bytes, limits);
  T value = in.get<T>();
  in.finish();
  return value;
}
template <class T>
T there_and_back(const T& value) {
  return from<T>(bytes_of(value));
}
template <class T>
void expect_same(const T& value) {
  EXPECT_EQ(there_and_back(value), value) << weir::detail::type_name<T>();
}

/// Every beginning of the encoding is refused as damaged.
template <class T>
void expect_no_beginning_is_enough(const T& value) {
  const auto whole = bytes_of(value);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own, so that a sanitizer sees every byte read beyond it.
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      from<T>(part);
      ADD_FAILURE() << size << " of " << whole.size() << " bytes were enough for " << weir::detail::type_name<T>();
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::corrupt);
    }
  }
}

template <class T>
std::string refusal_of(std::span<const std::byte> bytes, weir::decode_limits limits = {}) {
  try {
    from<T>(bytes, limits);
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::corrupt);
    return e.what();
  }
  ADD_FAILURE() << "accepted as " << weir::detail::type_name<T>();
  return {};
}
std::vector<std::byte> bytes(std::initializer_list<int> numbers) {
  std::vector<std::byte> all;
  for (const int number : numbers) all.push_back(static_cast<std::byte>(number));
  return all;
}
std::vector<std::byte> length(std::uint64_t count, std::size_t more = 0) {
  std::vector<std::byte> all(9 + more, std::byte{0});
  all[0] = std::byte{255};
  std::memcpy(all.data() + 1, &count, sizeof count);
  return all;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

template <>
struct weir::codec<money> {
  static void encode(encoder& out, const money& value) { out.put(value.cents()); }
  static money decode(decoder& in) {
    const auto cents = in.get<std::int64_t>();
    if (cents < 0) in.fail("money", "is below zero");
    return money(cents);
  }
};

template <>
struct weir::codec<fuse> {
  static void encode(encoder&, const fuse&) {}
  static fuse decode(decoder&) { return fuse(false); }
};

TEST(codec, scalars_come_back) {
  expect_same(true);
  expect_same('x');
  expect_same(std::int8_t{-3});
  expect_same(std::numeric_limits<std::uint64_t>::max());
  expect_same(std::numeric_limits<long long>::min());
  expect_same(3.25F);
  expect_same(-0.1);
  expect_same(0.1L);
  EXPECT_EQ(bytes_of(0.1L).size(), 10U); // no padding travels
  EXPECT_TRUE(std::isnan(there_and_back(std::numeric_limits<double>::quiet_NaN())));
  expect_same(U'\u20ac');
  expect_same(colour::blue);
  expect_same(static_cast<colour>(77)); // any value of the underlying type
  expect_same(answer::yes);
  expect_same(std::byte{9});
  expect_same(std::complex<double>(1, -2));
}

TEST(codec, texts_and_containers_come_back) {
  expect_same(std::string());
  expect_same(std::string("with\0nul", 8));
  expect_same(std::string(254, 'a'));
  expect_same(std::string(255, 'b')); // the first with a long length
  expect_same(std::string(100000, 'c'));
  expect_same(std::u16string(u"\u20ac"));
  expect_same(std::wstring(L"wide"));
  expect_same(std::vector<int>{1, 2, 3});
  expect_same(std::vector<std::byte>(1000, std::byte{7}));
  expect_same(std::vector<std::string>{"a", "", "ccc"});
  expect_same(std::vector<std::vector<double>>{{}, {1.5}, {2, 3}});
  expect_same(std::vector<bool>{true, false, true, true, false, false, true, false, true});
  expect_same(std::vector<bool>(8, true));
  expect_same(std::vector<bool>());
  expect_same(std::vector<point>{{1, 2, 3}, {4, 5, 6}});
  expect_same(std::vector<nothing>(5));
  expect_same(std::vector<std::complex<float>>{{1, 2}, {3, 4}});
  expect_same(std::array<int, 0>{});
  expect_same(std::array<std::string, 2>{"x", "y"});
  expect_same(std::array<money, 2>{money(1), money(2)}); // without a default value
  expect_same(std::array<std::array<bool, 2>, 2>{{{true, false}, {false, true}}});
  expect_same(std::deque<std::string>{"a", "b"});
  expect_same(std::list<int>{3, 1, 2});
  expect_same(std::set<std::string>{"b", "a"});
  expect_same(std::multiset<int>{2, 2, 1});
  expect_same(std::set<int, std::greater<>>{1, 2, 3});
  expect_same(std::map<int, std::string>{{1, "a"}, {2, "b"}});
  expect_same(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_same(std::unordered_map<std::string, int>{{"a", 1}, {"b", 2}});
  expect_same(std::unordered_set<int>{5, 6, 7});
  expect_same(std::bitset<11>(0x5a5));
}

TEST(codec, other_standard_types_come_back) {
  using namespace std::chrono_literals;
  expect_same(std::optional<int>());
  expect_same(std::optional<std::string>("x"));
  expect_same(std::optional<std::optional<int>>(std::optional<int>()));
  expect_same(std::variant<int, std::string, std::monostate>("text"));
  expect_same(std::variant<int, int>(std::in_place_index<1>, 4));
  expect_same(std::monostate());
  expect_same(std::tuple<>());
  expect_same(std::tuple<int, std::string, bool>(1, "b", true));
  expect_same(std::pair<std::string, int>("a", 1));
  expect_same(1500ms);
  expect_same(std::chrono::duration<double>(0.5));
  expect_same(std::chrono::steady_clock::now());
  expect_same(std::chrono::system_clock::now());
  expect_same(std::filesystem::path("a/b \xff.png"));
  expect_same(std::make_error_code(std::errc::no_space_on_device));
  expect_same(std::error_code(2, std::system_category()));
  expect_same(std::make_error_code(std::io_errc::stream));
}

TEST(codec, structs_come_back) {
  const outer sent{"tagged!", {{"a", {1, 2, 3}}, {"b", {4, 5, 6}}}, 2.5, {{"k", {{"c", {7, 8, 9}}}}}, {}, colour::blue};
  // A const field in a struct with C arrays can be sent only where it could be assigned.
  static_assert(!weir::sendable<outer>);
  struct open {
    char tag[8];
    inner parts[2];
    std::optional<double> weight;
    std::map<std::string, std::vector<inner>> named;
    nothing empty;
    colour paint;
    int grid[2][3];
  };
  const open value{"tagged!",    {sent.parts[0], sent.parts[1]}, 2.5, sent.named, {},
                   colour::blue, {{1, 2, 3}, {4, 5, 6}}};
  const open back = there_and_back(value);
  EXPECT_STREQ(back.tag, "tagged!");
  EXPECT_EQ(back.parts[1], sent.parts[1]);
  EXPECT_EQ(back.weight, sent.weight);
  EXPECT_EQ(back.named, sent.named);
  EXPECT_EQ(back.paint, colour::blue);
  EXPECT_EQ(back.grid[1][0], 4);
  struct fixed {
    const int id;
    const std::string name;
  };
  EXPECT_EQ(there_and_back(fixed{7, "seven"}).name, "seven");
  widest wide{};
  wide.f1 = 1;
  wide.f31 = 31;
  wide.f32 = "last";
  const widest wide_back = there_and_back(wide);
  EXPECT_EQ(wide_back.f1 + wide_back.f31, 32);
  EXPECT_EQ(wide_back.f32, "last");
  expect_same(price{money(3), "EUR", money(1)});
  expect_same(nothing());
  expect_no_beginning_is_enough(value);
}

TEST(codec, values_that_only_move_come_back) {
  EXPECT_EQ(*there_and_back(std::make_unique<std::string>("owned")), "owned");
  EXPECT_EQ(there_and_back(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(*there_and_back(std::unique_ptr<const int>(new int(4))), 4);
  std::vector<std::unique_ptr<int>> many;
  many.push_back(std::make_unique<int>(1));
  many.push_back(nullptr);
  many.push_back(std::make_unique<int>(3));
  const auto back = there_and_back(many);
  ASSERT_EQ(back.size(), 3U);
  EXPECT_EQ(*back[2], 3);
  EXPECT_EQ(back[1], nullptr);
  const auto pack = there_and_back(std::tuple(1, std::make_unique<int>(5), std::string("x")));
  EXPECT_EQ(*std::get<1>(pack), 5);
}

TEST(codec, trees_come_back_to_a_depth) {
  tree root{1, {{2, {}}, {3, {{4, {}}}}}};
  const tree back = there_and_back(root);
  EXPECT_EQ(back.children.at(1).children.at(0).value, 4);

  chain head;
  chain* last = &head;
  for (int i = 1; i < 64; ++i) last = (last->next = std::make_unique<chain>(i)).get();
  chain back_head = there_and_back(head);
  int count = 0;
  for (const chain* at = &back_head; at != nullptr; at = at->next.get()) ++count;
  EXPECT_EQ(count, 64);
  last->next = std::make_unique<chain>(64);
  weir::encoder out;
  try {
    out.put(head);
    ADD_FAILURE() << "65 deep";
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::invalid_argument);
  }
  out.rewind(0);
  out.put(root); // its count of levels is right again
  EXPECT_TRUE(out.complete());
}

TEST(codec, deep_bombs_are_refused) {
  // Each level of `tree`: an int, then a vector of one.
  std::vector<std::byte> bomb;
  for (int i = 0; i < 100000; ++i) {
    bomb.insert(bomb.end(), 4, std::byte{0});
    bomb.push_back(std::byte{1});
  }
  EXPECT_TRUE(has(refusal_of<tree>(bomb), "nested deeper than 64 levels"));
  const std::vector<std::byte> ones(100000, std::byte{1});
  EXPECT_TRUE(has(refusal_of<chain>(ones), "nested deeper than 64 levels"));
}

TEST(codec, impossible_lengths_are_refused_before_memory_is_spent) {
  for (const std::uint64_t count : {std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{1} << 61}) {
    const auto claim = length(count, 16);
    EXPECT_TRUE(has(refusal_of<std::string>(claim), std::to_string(count) + " elements"));
    EXPECT_TRUE(has(refusal_of<std::vector<double>>(claim), "std::vector<double>"));
    EXPECT_TRUE(has(refusal_of<std::vector<std::byte>>(claim), "16 bytes are left"));
    refusal_of<std::vector<std::string>>(claim);
    refusal_of<std::vector<nothing>>(claim);
    refusal_of<std::vector<bool>>(claim);
    refusal_of<std::list<int>>(claim);
    refusal_of<std::set<std::monostate>>(claim);
    refusal_of<std::map<std::string, int>>(claim);
    refusal_of<std::unordered_map<int, int>>(claim);
    refusal_of<std::u32string>(claim);
    refusal_of<std::filesystem::path>(claim);
    refusal_of<std::variant<int, std::string>>(claim);
  }
}

TEST(codec, limits_hold) {
  // Elements of no bytes: only the limits bound them.
  EXPECT_EQ(from<std::vector<nothing>>(length(1000)).size(), 1000U);
  EXPECT_TRUE(has(refusal_of<std::vector<nothing>>(length(1001), {.max_elements = 1000}), "1000"));
  EXPECT_TRUE(has(refusal_of<std::list<nothing>>(length(std::uint64_t{1} << 26)), "more memory than"));
  const auto sent = bytes_of(std::vector<std::vector<std::string>>(10, std::vector<std::string>(10)));
  EXPECT_EQ(from<std::vector<std::vector<std::string>>>(sent, {.max_elements = 110}).size(), 10U);
  refusal_of<std::vector<std::vector<std::string>>>(sent, {.max_elements = 109}); // counted together
  refusal_of<std::vector<std::vector<std::string>>>(sent, {.max_memory_bytes = 110 * sizeof(std::string) / 2});
}

TEST(codec, wrong_values_are_refused_and_named) {
  EXPECT_TRUE(has(refusal_of<bool>(bytes({2})), "bool"));
  EXPECT_TRUE(has(refusal_of<answer>(bytes({2})), "answer"));
  EXPECT_TRUE(has(refusal_of<std::optional<int>>(bytes({3, 0, 0, 0, 0})), "std::optional<int>"));
  refusal_of<std::unique_ptr<int>>(bytes({2, 0, 0, 0, 0}));
  EXPECT_TRUE(has(refusal_of<std::variant<int, bool>>(bytes({2, 0, 0, 0, 0})), "std::variant<int, bool>"));
  refusal_of<std::error_code>(bytes({9, 0, 0, 0, 0}));
  EXPECT_TRUE(has(refusal_of<int>(bytes({1, 0, 0, 0, 0})), "left after the last value"));
  EXPECT_TRUE(has(refusal_of<money>(bytes({0, 0, 0, 0, 0, 0, 0, 255})), "money is below zero"));

  auto damaged = bytes_of(std::vector<inner>{{"a", {1, 2, 3}}, {"b", {4, 5, 6}}});
  damaged[1 + 2 + 6] = std::byte{200}; // the length of the second name
  const std::string told = refusal_of<std::vector<inner>>(damaged);
  EXPECT_TRUE(has(told, "element 2 of ")) << told;
  EXPECT_TRUE(has(told, "field 1 of ")) << told;
  EXPECT_TRUE(has(told, "std::string says that it has 200 elements, but only 7 bytes are left")) << told;
}

TEST(codec, order_and_doubles_of_keys_do_not_matter) {
  const auto unsorted = bytes({3, 9, 1, 9});
  EXPECT_EQ((from<std::set<char>>(unsorted)), (std::set<char>{1, 9}));
  EXPECT_EQ((from<std::map<char, char>>(bytes({2, 5, 1, 2, 8}))), (std::map<char, char>{{2, 8}, {5, 1}}));
}

TEST(codec, no_beginning_is_enough) {
  expect_no_beginning_is_enough(std::string(300, 'x'));
  expect_no_beginning_is_enough(std::vector<std::string>{"a", "bb"});
  expect_no_beginning_is_enough(std::map<int, std::optional<std::string>>{{1, "x"}, {2, {}}});
  expect_no_beginning_is_enough(std::tuple(1, 2.0, std::vector<bool>(20), std::bitset<9>(), 0.5L));
  expect_no_beginning_is_enough(std::variant<int, std::string>("text"));
  expect_no_beginning_is_enough(std::error_code());
}

TEST(codec, values_that_lost_their_meaning_are_refused_by_the_sender) {
  weir::encoder out;
  EXPECT_THROW(out.put(std::error_code(1, std::future_category())), weir::error);
  std::variant<std::string, fuse> lost("x");
  EXPECT_THROW(lost.emplace<fuse>(true), int);
  ASSERT_TRUE(lost.valueless_by_exception());
  EXPECT_THROW(out.put(lost), weir::error);
}

TEST(encoder, small_packs_stay_in_the_callers_buffer) {
  std::byte slot[256];
  weir::encoder out(slot);
  out.put(1);
  out.put(std::string(200, 'x'));
  EXPECT_EQ(out.bytes().data(), slot);
  out.put(std::string(200, 'y')); // moves to the heap, with what was there
  EXPECT_NE(out.bytes().data(), slot);
  weir::decoder in(out.bytes());
  EXPECT_EQ(in.get<int>(), 1);
  EXPECT_EQ(in.get<std::string>(), std::string(200, 'x'));
  EXPECT_EQ(in.get<std::string>(), std::string(200, 'y'));
  in.finish();
}

TEST(encoder, counts_what_does_not_fit) {
  const std::vector<int> large(1000, 7);
  std::byte slot[64];
  weir::encoder first(slot, weir::encoder::when_full::count);
  first.put(1);
  first.put(large);
  first.put('c'); // would fit, but nothing may be written behind a gap
  EXPECT_FALSE(first.complete());
  EXPECT_TRUE(first.bytes().empty());
  std::vector<std::byte> room(first.size_bytes());
  weir::encoder second(room, weir::encoder::when_full::count);
  second.put(1);
  second.put(large);
  second.put('c');
  ASSERT_TRUE(second.complete());
  EXPECT_EQ(second.size_bytes(), room.size());
  EXPECT_EQ(second.bytes().data(), room.data());
  weir::decoder in(room);
  EXPECT_EQ(in.get<int>(), 1);
  EXPECT_EQ(in.get<std::vector<int>>(), large);
  EXPECT_EQ(in.get<char>(), 'c');
  first.rewind(0);
  first.put(1);
  EXPECT_TRUE(first.complete());
}

TEST(encoder, padding_does_not_travel) {
  static_assert(weir::detail::bulk<point> && weir::detail::bulk<std::complex<float>> && weir::detail::bulk<colour>);
  static_assert(!weir::detail::bulk<with_padding> && !weir::detail::bulk<bool> && !weir::detail::bulk<long double>);
  static_assert(!weir::detail::bulk<answer> && !weir::detail::bulk<price> && !weir::detail::bulk<nothing>);
  EXPECT_EQ(bytes_of(std::vector<with_padding>(10)).size(), 1 + 10 * 9U);
}

TEST(sendable, says_what_can_be_sent) {
  static_assert(weir::sendable<tree> && weir::sendable<chain> && weir::sendable<price> && weir::sendable<money>);
  static_assert(weir::sendable<std::map<std::string, std::vector<std::unique_ptr<inner>>>>);
  static_assert(!weir::sendable<int*> && !weir::sendable<std::string_view> && !weir::sendable<int&>);
  static_assert(!weir::sendable<void> && !weir::sendable<int()> && !weir::sendable<std::shared_ptr<int>>);
  static_assert(!weir::sendable<std::map<int, std::vector<const char*>>>);
  struct keeps_order {
    bool up;
    bool operator()(int a, int b) const { return up == (a < b); }
  };
  static_assert(!weir::sendable<std::set<int, keeps_order>>); // the order's own data would be lost
}

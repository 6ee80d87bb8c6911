#pragma once

#include <weir/json/field_info.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::json {

template <class T>
class description;

namespace detail {

[[noreturn]] void throw_no_object(const value& found);

enum class answered {
  absent, // or null, which is the same: the field keeps its default
  final,  // `normalize_answer` would give the same value
  other,
};
/// What a member of an answer is to `field`; nullptr: it is not there.
answered look_at(const field_info& field, const value* found) noexcept;

template <class Member>
struct member_traits; // no such member: this type cannot be a field of a described struct

} // namespace detail

/// A struct that says how it is written in JSON: it has `static const description<T>& described()`.
template <class T>
concept described = requires {
  { T::described() } -> std::same_as<const description<T>&>;
};

/// Names one field and sets what is special about it; made by `description::field`. Use it within one statement.
template <class T, class Member>
class field_builder {
 public:
  field_builder(description<T>& owner, std::size_t index) : owner_(owner), index_(index) {}

  /// The value must be given. Without it, an absent field keeps what `T{}` has there.
  field_builder& required() {
    info().required = true;
    info().default_value.reset();
    return *this;
  }
  /// What an absent field becomes.
  field_builder& default_value(Member v);
  /// The only strings allowed (schema: enum).
  field_builder& one_of(std::initializer_list<std::string> names) { return info().one_of = names, *this; }
  field_builder& one_of(std::vector<std::string> names) { return info().one_of = std::move(names), *this; }
  /// Strings known to work; others are allowed (schema: examples).
  field_builder& known(std::initializer_list<std::string> names) { return info().known = names, *this; }
  field_builder& known(std::vector<std::string> names) { return info().known = std::move(names), *this; }
  /// Bounds of a number, or of each number in a list; both inclusive.
  field_builder& range(double lo, double hi) { return info().minimum = lo, info().maximum = hi, *this; }
  field_builder& at_least(double lo) { return info().minimum = lo, *this; }
  /// Bounds of the length of a string, or of each string in a list, in Unicode characters.
  field_builder& length(std::size_t lo, std::size_t hi) {
    return info().min_length = lo, info().max_length = hi, *this;
  }
  field_builder& min_length(std::size_t lo) { return info().min_length = lo, *this; }
  /// Bounds of the number of items in a list.
  field_builder& items(std::size_t lo, std::size_t hi) { return info().min_items = lo, info().max_items = hi, *this; }
  /// The name on a command line, without dashes.
  field_builder& flag(std::string name) { return info().flag = std::move(name), *this; }
  /// On a command line it has no flag; several are taken in the order of the fields.
  field_builder& positional() { return info().positional = true, *this; }
  field_builder& hidden_in_cli() { return info().hidden_in_cli = true, *this; }
  /// `to_json` leaves the field out where it is null, instead of writing null.
  field_builder& omit_null() { return info().omit_null = true, *this; }

 private:
  field_info& info();
  description<T>& owner_;
  std::size_t index_;
};

/// The one description of the struct `T`, from which come its JSON Schema, reading it from JSON with every check,
/// writing it as JSON, and its command line.
///
///     struct request {
///       std::string prompt;
///       std::optional<std::string> model;
///       std::int64_t seconds = 8;
///       static const json::description<request>& described() {
///         static const json::description<request> d("Make a video.", [](auto& d) {
///           d.field("prompt", &request::prompt, "What it shows").required().length(1, 32000).positional();
///           d.field("model", &request::model, "Which model").known({"sora-2"});
///           d.field("seconds", &request::seconds, "How long").range(1, 20);
///         });
///         return d;
///       }
///     };
///
/// Members may be std::string, bool, int, std::int64_t, double, std::vector<std::string>, std::vector<int>,
/// json::object, json::value, a described struct, a std::vector of one, or a std::optional of any of these.
/// Thread-safety: once built, any thread.
template <class T>
class description {
 public:
  /// Runs `build(*this)`, which names the fields. `doc` describes the whole struct.
  template <class Build>
  description(std::string doc, Build&& build) : structure_(std::make_shared<structure_info>()) {
    structure_->doc = std::move(doc);
    build(*this);
  }

  /// Adds the field `name` for `member`. Only while the description is built.
  template <class Member>
  field_builder<T, Member> field(std::string name, Member T::* member, std::string doc) {
    using traits = detail::member_traits<Member>;
    field_info info;
    info.name = std::move(name);
    info.doc = std::move(doc);
    info.kind = traits::kind;
    info.nullable = traits::nullable;
    info.narrow = traits::narrow;
    info.structure = traits::structure();
    info.flag = info.name;
    for (char& c : info.flag)
      if (c == '_') c = '-';
    info.default_value = traits::write(prototype_.*member);
    structure_->fields.push_back(std::move(info));
    bindings_.push_back({[member](T& to, const value& v) { to.*member = traits::read(v); },
                         [member](const T& from) { return traits::write(from.*member); }});
    return {*this, bindings_.size() - 1};
  }

  /// Returns a `T` from `in`. An absent field has its default.
  /// Fails: as `normalize`: one invalid_argument that lists every problem.
  /// Cost: two copies of `in`.
  T from_json(const object& in) const { return from_normalized(normalize(*structure_, in)); }

  /// Returns a `T` from what another program answered, which may hold more than is described, and null where this one
  /// has nothing. Fails: invalid_argument where a required field is missing, one has another type, or `in` is no
  /// object.
  T from_answer(const object& in) const {
    T out = prototype_;
    for (std::size_t i = 0; i < bindings_.size(); ++i) {
      const value* found = find(in, structure_->fields[i].name);
      const auto what = detail::look_at(structure_->fields[i], found);
      if (what == detail::answered::other) return from_normalized(normalize_answer(*structure_, in));
      if (what == detail::answered::final) bindings_[i].read(out, *found);
    }
    return out;
  }
  T from_answer(const value& in) const {
    if (!in.is_object()) detail::throw_no_object(in);
    return from_answer(in.get_object());
  }

  /// Returns the fields of `from` in their order; an empty optional is null.
  object to_json(const T& from) const {
    object out;
    out.reserve(bindings_.size());
    for (std::size_t i = 0; i < bindings_.size(); ++i) {
      value v = bindings_[i].write(from);
      const auto& info = structure_->fields[i];
      if (!(info.omit_null && v.is_null())) out.emplace(info.name, std::move(v));
    }
    return out;
  }

  /// Returns the JSON Schema (2020-12): closed, every field with title, description, default and bounds.
  object schema(std::string_view title) const { return json::schema(*structure_, title); }

  const std::vector<field_info>& fields() const noexcept { return structure_->fields; }
  const std::shared_ptr<structure_info>& structure() const noexcept { return structure_; }

  /// Returns a `T` from what `normalize` gave: the second half of `from_json`.
  T from_normalized(const object& checked) const {
    T out = prototype_;
    for (std::size_t i = 0; i < bindings_.size(); ++i)
      if (const auto* v = find(checked, structure_->fields[i].name)) bindings_[i].read(out, *v);
    return out;
  }

 private:
  template <class, class>
  friend class field_builder;

  struct binding {
    std::function<void(T&, const value&)> read;
    std::function<value(const T&)> write;
  };

  std::shared_ptr<structure_info> structure_;
  std::vector<binding> bindings_; // one for each field
  T prototype_{};                 // holds the defaults
};

template <class T, class Member>
field_info& field_builder<T, Member>::info() {
  return owner_.structure_->fields[index_];
}

template <class T, class Member>
field_builder<T, Member>& field_builder<T, Member>::default_value(Member v) {
  value written = detail::member_traits<Member>::write(v);
  owner_.bindings_[index_].read(owner_.prototype_, written);
  info().default_value = std::move(written);
  return *this;
}

namespace detail {

inline std::string text_of(const value& v) {
  const auto& s = v.get_string();
  return {s.data(), s.size()};
}

/// How a member of one type is read from a checked value, and written.
template <field_kind Kind, bool Narrow = false>
struct plain_traits {
  static constexpr field_kind kind = Kind;
  static constexpr bool nullable = false;
  static constexpr bool narrow = Narrow;
  static std::shared_ptr<const structure_info> structure() { return nullptr; }
};

template <>
struct member_traits<std::string> : plain_traits<field_kind::string> {
  static std::string read(const value& v) { return text_of(v); }
  static value write(const std::string& m) { return value(boost::json::string(m.data(), m.size())); }
};

template <>
struct member_traits<bool> : plain_traits<field_kind::boolean> {
  static bool read(const value& v) { return v.get_bool(); }
  static value write(bool m) { return value(m); }
};

template <>
struct member_traits<std::int64_t> : plain_traits<field_kind::integer> {
  static std::int64_t read(const value& v) { return v.get_int64(); }
  static value write(std::int64_t m) { return value(m); }
};

template <>
struct member_traits<int> : plain_traits<field_kind::integer, true> {
  static int read(const value& v) { return static_cast<int>(v.get_int64()); }
  static value write(int m) { return value(std::int64_t{m}); }
};

template <>
struct member_traits<double> : plain_traits<field_kind::number> {
  static double read(const value& v) { return as_number(v).value(); }
  static value write(double m) { return value(m); }
};

template <>
struct member_traits<object> : plain_traits<field_kind::object> {
  static object read(const value& v) { return v.get_object(); }
  static value write(const object& m) { return value(m); }
};

template <>
struct member_traits<value> : plain_traits<field_kind::any> {
  static value read(const value& v) { return v; }
  static value write(const value& m) { return m; }
};

template <class Item, field_kind Kind, bool Narrow>
struct list_traits : plain_traits<Kind, Narrow> {
  static std::vector<Item> read(const value& v) {
    std::vector<Item> out;
    out.reserve(v.get_array().size());
    for (const auto& item : v.get_array()) out.push_back(member_traits<Item>::read(item));
    return out;
  }
  static value write(const std::vector<Item>& m) {
    array out;
    out.reserve(m.size());
    for (const auto& item : m) out.push_back(member_traits<Item>::write(item));
    return value(std::move(out));
  }
};

template <>
struct member_traits<std::vector<std::string>> : list_traits<std::string, field_kind::string_list, false> {};

template <>
struct member_traits<std::vector<int>> : list_traits<int, field_kind::integer_list, true> {};

template <described T>
struct member_traits<T> : plain_traits<field_kind::structure> {
  static std::shared_ptr<const structure_info> structure() { return T::described().structure(); }
  static T read(const value& v) { return T::described().from_normalized(v.get_object()); }
  static value write(const T& m) { return value(T::described().to_json(m)); }
};

template <described T>
struct member_traits<std::vector<T>> : list_traits<T, field_kind::structure_list, false> {
  static std::shared_ptr<const structure_info> structure() { return T::described().structure(); }
};

template <class T>
struct member_traits<std::optional<T>> : member_traits<T> {
  static constexpr bool nullable = true;
  static std::optional<T> read(const value& v) {
    if (v.is_null()) return std::nullopt;
    return member_traits<T>::read(v);
  }
  static value write(const std::optional<T>& m) { return m ? member_traits<T>::write(*m) : value(nullptr); }
};

} // namespace detail

} // namespace weir::json

#pragma once

#include <weir/json/value.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::json {

/// What values a field takes.
enum class field_kind {
  string,
  boolean,
  integer,      ///< also 20.0, never true
  number,       ///< integer or floating point
  string_list,  ///< std::vector<std::string>
  integer_list, ///< std::vector<int>, for example a size as [width, height]
  object,       ///< an object with any members
  any,          ///< any JSON value
  structure,    ///< a described struct
  structure_list,
};

struct structure_info;

/// Everything known about one field of a described struct, without its C++ type: enough to print a schema, to check a
/// value, and to build a command line.
struct field_info {
  std::string name;
  field_kind kind = field_kind::string;
  std::string doc;
  bool required = false;
  bool nullable = false;              ///< std::optional<>: null is the same as absent
  std::optional<value> default_value; ///< what an absent field becomes; empty where it is required
  std::vector<std::string> one_of;    ///< the only strings allowed; empty = any
  std::vector<std::string> known;     ///< strings known to work, while others are allowed
  std::optional<double> minimum;      ///< inclusive; for a list, of each item
  std::optional<double> maximum;
  std::optional<std::size_t> min_length; ///< Unicode characters of a string; for a list, of each item
  std::optional<std::size_t> max_length;
  std::optional<std::size_t> min_items;
  std::optional<std::size_t> max_items;
  std::string flag;           ///< name on a command line, without dashes; `name` with '-' for '_' unless overridden
  bool positional = false;    ///< on a command line: given without a flag, in the order of the fields
  bool hidden_in_cli = false; ///< not on a command line
  bool omit_null = false;     ///< to_json leaves it out where it is null
  bool narrow = false;        ///< an integer that must fit 32 bits
  std::shared_ptr<const structure_info> structure; ///< the fields of a structure or of each item of a structure_list

  bool is_list() const noexcept {
    return kind == field_kind::string_list || kind == field_kind::integer_list || kind == field_kind::structure_list;
  }
};

/// The fields of a struct, in order, and its description.
struct structure_info {
  std::string doc;
  std::vector<field_info> fields;
};

/// Returns the JSON Schema (2020-12) of an object with these fields and no others.
/// `title` may be empty. Thread-safety: any thread.
object schema(const structure_info& structure, std::string_view title);

/// Checks `in` against `structure` and returns the fields that are there, in their final form: 20.0 is 20, nulls of
/// nullable fields are gone, and a string that is JSON text of an object, array or null stands for it where no string
/// is expected (assistants send such).
/// Fails: invalid_argument; the text lists every problem (after twenty only their number), each with the field's name.
/// Thread-safety: any thread. Cost: one copy of `in`.
object normalize(const structure_info& structure, const object& in);

/// As `normalize`, of what another program answers: members that `structure` does not name are left out instead of
/// refused, also inside of structures, and null is the same as absent for every field that may be absent.
/// Fails: invalid_argument, as `normalize`. Thread-safety: any thread. Cost: two copies of the named part of `in`.
object normalize_answer(const structure_info& structure, const object& in);

/// Where the entries are that `parse_named` looks at.
enum class entries {
  in_list,   ///< the objects in the text's array, or in the array `data` of its object (a page of a list)
  the_whole, ///< the text's object
};

/// As `parse`, without the members of entries that `structure` does not name: they are read over and take no memory. In
/// a list `id` and `name` are kept as well. Members of what an entry holds are all kept.
/// Fails: as `parse`; but in what is read over, a number may be too large.
/// Thread-safety: any thread. Cost: linear, and no memory for what is read over.
value parse_named(std::string_view text, const structure_info& structure, entries of, const parse_limits& limits = {});

/// Returns the value of `field` written as `text` on a command line: the text itself for a string, true/false for a
/// boolean, a number, JSON text for an object. For a list: a JSON array, or one item. For `any`: JSON text, else a
/// string. Only the form is checked; `normalize` checks the rest. Fails: invalid_argument naming the flag.
/// Thread-safety: any thread.
value value_from_text(const field_info& field, std::string_view text);

} // namespace weir::json

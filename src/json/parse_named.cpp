#include "json/builder.hpp"

#include <weir/json/field_info.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>

namespace weir::json {
namespace {

namespace bj = detail::bj;
using bj::error_code;

/// Hands on to a builder what belongs to the members that are kept.
class picker {
 public:
  static constexpr std::size_t max_object_size = detail::builder::max_object_size;
  static constexpr std::size_t max_array_size = detail::builder::max_array_size;
  static constexpr std::size_t max_key_size = detail::builder::max_key_size;
  static constexpr std::size_t max_string_size = detail::builder::max_string_size;

  picker(std::size_t max_values, const structure_info& structure, entries of)
      : whole_(max_values), structure_(structure), of_(of) {}

  value release() { return whole_.stack.release(); }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code& ec) {
    if (depth_ == 0) entry_depth_ = of_ == entries::the_whole ? 1 : 3;
    if (!open()) return whole_.one_more(ec);
    kept_ = in_entry() ? 0 : kept_;
    return whole_.on_object_begin(ec);
  }
  bool on_object_end(std::size_t n, error_code& ec) {
    if (!skipping_ && in_entry()) n = kept_;
    return close() ? whole_.on_object_end(n, ec) : true;
  }
  bool on_array_begin(error_code& ec) {
    if (depth_ == 0) entry_depth_ = of_ == entries::the_whole ? 1 : 2;
    if (depth_ == 1) list_is_open_ = is_data_;
    return open() ? whole_.on_array_begin(ec) : whole_.one_more(ec);
  }
  bool on_array_end(std::size_t n, error_code& ec) { return close() ? whole_.on_array_end(n, ec) : true; }

  bool on_key_part(bj::string_view s, std::size_t n, error_code& ec) {
    if (skipping_) return true;
    if (!reads_keys()) return whole_.on_key_part(s, n, ec);
    key_.append(s.data(), s.size());
    return true;
  }
  bool on_key(bj::string_view s, std::size_t n, error_code& ec) {
    if (skipping_) return true;
    if (!reads_keys()) return whole_.on_key(s, n, ec);
    if (!key_.empty()) s = key_.append(s.data(), s.size());
    const std::string_view name(s.data(), s.size());
    bool handed_on = true;
    if (in_entry()) {
      skipping_ = !is_named(name);
      if (!skipping_) ++kept_;
    } else {
      is_data_ = name == "data";
      list_is_open_ = false;
    }
    if (!skipping_) handed_on = whole_.on_key(s, n, ec);
    key_.clear();
    return handed_on;
  }

  bool on_string_part(bj::string_view s, std::size_t n, error_code& ec) {
    return skipping_ ? true : whole_.on_string_part(s, n, ec);
  }
  bool on_string(bj::string_view s, std::size_t n, error_code& ec) {
    return passed() ? whole_.one_more(ec) : whole_.on_string(s, n, ec);
  }
  bool on_number_part(bj::string_view s, error_code& ec) { return skipping_ ? true : whole_.on_number_part(s, ec); }
  bool on_int64(std::int64_t i, bj::string_view s, error_code& ec) {
    return passed() ? whole_.one_more(ec) : whole_.on_int64(i, s, ec);
  }
  bool on_uint64(std::uint64_t u, bj::string_view s, error_code& ec) {
    return passed() ? whole_.one_more(ec) : whole_.on_uint64(u, s, ec);
  }
  bool on_double(double d, bj::string_view s, error_code& ec) {
    return passed() ? whole_.one_more(ec) : whole_.on_double(d, s, ec);
  }
  bool on_bool(bool b, error_code& ec) { return passed() ? whole_.one_more(ec) : whole_.on_bool(b, ec); }
  bool on_null(error_code& ec) { return passed() ? whole_.one_more(ec) : whole_.on_null(ec); }
  bool on_comment_part(bj::string_view, error_code&) { return true; }
  bool on_comment(bj::string_view, error_code&) { return true; }

 private:
  /// Whether keys that come now are those of an entry. Keys come only in objects.
  bool in_entry() const noexcept { return depth_ == entry_depth_ && (entry_depth_ != 3 || list_is_open_); }
  /// ... or those beside a list's `data`.
  bool reads_keys() const noexcept { return in_entry() || (depth_ == 1 && entry_depth_ == 3); }

  bool is_named(std::string_view key) const noexcept {
    if (of_ == entries::in_list && (key == "id" || key == "name")) return true;
    return std::any_of(structure_.fields.begin(), structure_.fields.end(),
                       [key](const field_info& field) { return field.name == key; });
  }

  /// Notes the beginning of an object or array, or its end. Returns: whether it is kept.
  bool open() noexcept {
    if (skipping_)
      ++skipped_depth_;
    else
      ++depth_;
    return !skipping_;
  }
  bool close() noexcept {
    if (!skipping_) return --depth_, true;
    if (--skipped_depth_ == 0) skipping_ = false;
    return false;
  }
  /// A value without others in it has come. Returns: whether it is read over.
  bool passed() noexcept {
    if (!skipping_) return false;
    if (skipped_depth_ == 0) skipping_ = false;
    return true;
  }

  detail::builder whole_;
  const structure_info& structure_;
  entries of_;
  std::size_t depth_ = 0; // of objects and arrays that are kept
  std::size_t entry_depth_ = 0;
  std::size_t kept_ = 0;      // members of the entry
  bool is_data_ = false;      // the last key beside a list
  bool list_is_open_ = false; // the array of that key
  bool skipping_ = false;
  std::size_t skipped_depth_ = 0; // of what is open in what is read over
  std::string key_;               // that comes in parts
};

} // namespace

value parse_named(std::string_view text, const structure_info& structure, entries of, const parse_limits& limits) {
  bj::basic_parser<picker> parser(detail::checked_options(text, limits), limits.max_values, structure, of);
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  detail::check_end(ec, used, text, limits);
  return parser.handler().release();
}

} // namespace weir::json

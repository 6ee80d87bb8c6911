#include <weir/core/error.hpp>
#include <weir/http/headers.hpp>

#include <algorithm>
#include <array>

namespace weir::http {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr std::array<bool, 256> token_bytes = [] {
  std::array<bool, 256> table{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void check(std::string_view name, std::string_view value) {
  if (!is_valid_header_name(name)) {
    std::string shown;
    for (char c : name.substr(0, 60)) shown += c > ' ' && c < 127 ? c : '?';
    throw error(errc::invalid_argument, "\"" + shown + "\" is not a header name: letters, digits and - only");
  }
  if (!is_valid_header_value(value))
    throw error(errc::invalid_argument, "the value of header \"" + std::string(name) +
                                            "\" holds a line break or another control byte; remove it");
}

} // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_valid_header_name(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return token_bytes[static_cast<unsigned char>(c)]; });
}

bool is_valid_header_value(std::string_view value) noexcept {
  bool bad = false; // without a way out before the end, which the compiler makes several bytes at once of
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
  }
  return !bad;
}

headers::headers(std::initializer_list<field> fields) {
  fields_.reserve(fields.size());
  for (const field& f : fields) add(f.name, f.value);
}

std::optional<std::string_view> headers::get(std::string_view name) const noexcept {
  for (const field& f : fields_)
    if (equals_ignoring_case(f.name, name)) return f.value;
  return std::nullopt;
}

std::vector<std::string_view> headers::all(std::string_view name) const {
  std::vector<std::string_view> found;
  for (const field& f : fields_)
    if (equals_ignoring_case(f.name, name)) found.push_back(f.value);
  return found;
}

bool headers::has_token(std::string_view name, std::string_view token) const noexcept {
  if (token.empty()) return false;
  for (const field& f : fields_) {
    if (!equals_ignoring_case(f.name, name)) continue;
    std::string_view rest = f.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (equals_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return false;
}

std::size_t headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [&](const field& f) { return equals_ignoring_case(f.name, name); }));
}

void headers::add(std::string_view name, std::string_view value) {
  check(name, value);
  fields_.push_back(field{std::string(name), std::string(trimmed(value))});
}

void headers::set(std::string_view name, std::string_view value) {
  check(name, value);
  field fresh{std::string(name), std::string(trimmed(value))};
  const auto first = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const field& f) { return equals_ignoring_case(f.name, fresh.name); });
  if (first == fields_.end()) {
    fields_.push_back(std::move(fresh));
    return;
  }
  *first = std::move(fresh);
  const std::string& kept = first->name;
  fields_.erase(
      std::remove_if(first + 1, fields_.end(), [&](const field& f) { return equals_ignoring_case(f.name, kept); }),
      fields_.end());
}

std::size_t headers::remove(std::string_view name) {
  // `name` may be a view of one of our own fields, which the erasure moves.
  const std::string wanted(name);
  return std::erase_if(fields_, [&](const field& f) { return equals_ignoring_case(f.name, wanted); });
}

} // namespace weir::http

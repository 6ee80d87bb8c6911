#include <files/digest.hpp>
#include <files/making.hpp>
#include <files/part_facts.hpp>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace weir::files::detail {
namespace {

constexpr std::size_t slot_bytes = 4096;
constexpr std::size_t digest_digits = 64;
constexpr std::string_view heading = "weir part 1\n";

std::string sum_of(std::string_view text) {
  digest sum;
  sum.add(text.data(), text.size());
  return sum.hex();
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::optional<std::string_view> take_line(std::string_view& text, std::string_view word) {
  if (!take(text, word)) return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

bool is_number(std::string_view text, std::uint64_t& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size();
}

bool is_digest(std::string_view text) {
  return text.size() == digest_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<part_facts> parse(std::string_view text) {
  part_facts facts;
  if (!take(text, heading)) return std::nullopt;
  const auto source = take_line(text, "source ");
  const auto validator = take_line(text, "validator ");
  if (!source || !validator || !is_digest(*source)) return std::nullopt;
  facts.source = *source;
  facts.validator = *validator;
  if (const auto total = take_line(text, "total "); total && !is_number(*total, facts.total.emplace()))
    return std::nullopt;
  const auto length = take_line(text, "length ");
  const auto sha256 = take_line(text, "sha256 ");
  if (!length || !sha256 || !is_number(*length, facts.length) || !is_digest(*sha256)) return std::nullopt;
  facts.sha256 = *sha256;
  return facts;
}

} // namespace

bool is_storable(std::string_view validator) noexcept {
  return validator.size() <= max_validator_bytes && std::none_of(validator.begin(), validator.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
         });
}

bool store_facts(int fd, facts_slot slot, const part_facts& facts) noexcept {
  try {
    std::string text(heading);
    text += "source " + facts.source + "\nvalidator " + facts.validator + "\n";
    if (facts.total) text += "total " + std::to_string(*facts.total) + "\n";
    text += "length " + std::to_string(facts.length) + "\nsha256 " + facts.sha256 + "\n";
    text += "sum " + sum_of(text) + "\n";
    text.resize(slot_bytes, '\0');
    const auto at = static_cast<off_t>(static_cast<std::uint64_t>(slot) * slot_bytes);
    if (beyond_process_limit(static_cast<std::uint64_t>(at) + slot_bytes)) return false;
    if (::pwrite(fd, text.data(), text.size(), at) != static_cast<ssize_t>(text.size())) return false;
    return slot != facts_slot::lasting || ::fdatasync(fd) == 0;
  } catch (...) {
    return false;
  }
}

std::optional<part_facts> load_facts(int fd, facts_slot slot) {
  char page[slot_bytes];
  const auto at = static_cast<off_t>(static_cast<std::uint64_t>(slot) * slot_bytes);
  if (::pread(fd, page, sizeof page, at) != static_cast<ssize_t>(sizeof page)) return std::nullopt;
  const std::string_view text(page, sizeof page);
  const std::size_t end = text.rfind("\nsum ");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view said = text.substr(0, end + 1);
  std::string_view rest = text.substr(end + 1);
  if (take_line(rest, "sum ") != std::string_view(sum_of(said))) return std::nullopt;
  return parse(said);
}

} // namespace weir::files::detail

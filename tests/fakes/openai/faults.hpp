#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fake {

/// One rule of the fault plan. Grammar of the text form: ROUTE,WHEN,KIND[,key=value...] (docs/fake-openai.md).
struct fault {
  std::string method = "*", glob, when, kind;
  std::uint64_t first = 1, last = ~std::uint64_t{0}; ///< which of the matching requests, counted from 1
  bool per_path = false;                             ///< count each path for itself
  double chance = 1;
  std::map<std::string, std::string> keys;
  std::map<std::string, std::uint64_t> seen; ///< matching requests so far, by path or under ""
  std::uint64_t fired = 0;

  long number(const std::string& key, long otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
};

/// Answers that stand in for the real one.
struct answer_fault {
  enum class what { status, redirect, hang, close } kind;
  int status = 0;
  long ms = 0; ///< hang
  std::string location, code;
  double retry_after = -1;
  bool html = false;
};

/// Everything that the rules do to one request, merged.
struct effects {
  std::vector<std::string> names;
  long delay_ms = 0;
  std::optional<answer_fault> answer;
  bool carry_out = true; ///< is the request carried out (and bought) although `answer` hides it?
  std::optional<std::uint64_t> rate, cut_at, reset_at, stall_at, chunk_bytes;
  bool reset_before_head = false;
  long stall_ms = 0;
  long length_off = 0;
  long range_shift = 0;
  bool invalid_json = false, no_length = false, no_range = false, new_etag = false;
  std::string bad_base64; ///< "", chars, padding or truncated
};

/// The fault plan. Thread-safe.
class fault_plan {
 public:
  explicit fault_plan(std::uint64_t seed) : random_(seed) {}
  /// Throws std::invalid_argument with the reason; the plan is then as it was.
  void add(const std::string& spec);
  /// An array of texts and objects replaces the plan; {"add": [...]} adds to it.
  void set(const boost::json::value& v);
  void clear();
  boost::json::value describe() const;
  /// Counts the request and returns what happens to it.
  effects match(std::string_view method, std::string_view path);

 private:
  mutable std::mutex mutex_;
  std::vector<fault> faults_;
  std::uint64_t random_;
};

/// Throws std::invalid_argument.
fault parse_fault(const std::string& spec);

/// `*` stands for any characters but '/', `**` for any.
bool glob_match(std::string_view glob, std::string_view text);

} // namespace fake

#include "faults.hpp"

#include "random.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace fake {
namespace {

namespace json = boost::json;

// kind -> the keys that it takes besides per and p; digits stand for a status.
const std::map<std::string, std::string, std::less<>> known_kinds = {
    {"status", " retry-after code html carry-out "},
    {"redirect", " to status carry-out "},
    {"hang", " ms carry-out "},
    {"close", " "},
    {"lost", " "},
    {"delay", " ms "},
    {"slow", " rate "},
    {"cut", " at "},
    {"reset", " at "},
    {"stall", " at ms "},
    {"wrong-length", " by "},
    {"invalid-json", " "},
    {"bad-base64", " how "},
    {"no-length", " "},
    {"chunked", " size "},
    {"no-range", " "},
    {"new-etag", " "},
    {"wrong-range", " by "},
};

bool is_status(std::string_view kind) {
  return kind.size() == 3 && kind[0] >= '4' && kind[0] <= '5' &&
         std::ranges::all_of(kind, [](char c) { return c >= '0' && c <= '9'; });
}

[[noreturn]] void wrong(const std::string& spec, const std::string& why) {
  throw std::invalid_argument("fault \"" + spec + "\": " + why);
}

std::uint64_t count(const std::string& spec, std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc{} || end != text.data() + text.size() || n == 0) wrong(spec, "WHEN is *, N, N-M, N- or xN");
  return n;
}

void parse_when(const std::string& spec, fault& f) {
  const std::string_view w = f.when;
  if (w == "*") return;
  if (w.starts_with('x')) {
    f.last = count(spec, w.substr(1));
    return;
  }
  const auto dash = w.find('-');
  f.first = count(spec, w.substr(0, dash));
  if (dash == w.npos)
    f.last = f.first;
  else if (dash + 1 < w.size())
    f.last = count(spec, w.substr(dash + 1));
}

void check(const std::string& spec, fault& f) {
  const auto kind = known_kinds.find(is_status(f.kind) ? "status" : f.kind);
  if (kind == known_kinds.end() || f.kind == "status") wrong(spec, "the kind " + f.kind + " is unknown");
  for (const auto& [key, value] : f.keys) {
    if (key == "per") {
      if (value != "path" && value != "route") wrong(spec, "per is path or route");
      f.per_path = value == "path";
    } else if (key == "p") {
      f.chance = std::stod(value);
    } else if (kind->second.find(' ' + key + ' ') == std::string::npos) {
      wrong(spec, f.kind + " takes no " + key);
    } else if (key != "to" && key != "code" && key != "how") {
      std::size_t used = 0;
      std::stod(value, &used);
      if (used != value.size()) wrong(spec, key + " is no number");
    }
  }
  if (f.kind == "redirect" && !f.keys.contains("to")) wrong(spec, "redirect needs to=URL");
  if (f.glob.empty() || (f.glob[0] != '/' && f.glob[0] != '*')) wrong(spec, "ROUTE is [METHOD ]/path/glob");
  parse_when(spec, f);
}

void set_route(fault& f, const std::string& route) {
  const auto space = route.find(' ');
  if (space != route.npos) f.method = route.substr(0, space);
  f.glob = space == route.npos ? route : route.substr(space + 1);
}

fault from_json(const json::value& v) {
  if (const auto* text = v.if_string()) return parse_fault(std::string(*text));
  const auto spec = json::serialize(v);
  if (!v.is_object()) wrong(spec, "a text or an object is expected");
  fault f;
  f.when = "*";
  for (const auto& [key, value] : v.as_object()) {
    const std::string text = value.is_string() ? std::string(value.as_string())
                             : value.is_bool() ? (value.as_bool() ? "1" : "0")
                                               : json::serialize(value);
    if (key == "route")
      set_route(f, text);
    else if (key == "when")
      f.when = text;
    else if (key == "kind")
      f.kind = text;
    else
      f.keys[std::string(key)] = text;
  }
  check(spec, f);
  return f;
}

std::vector<fault> list(const json::value& v) {
  if (!v.is_array()) throw std::invalid_argument("faults are an array, or {\"add\": [...]}");
  std::vector<fault> out;
  for (const auto& item : v.as_array()) out.push_back(from_json(item));
  return out;
}

void apply_answer(const fault& f, std::string_view path, effects& e) {
  if (e.answer) return; // the first rule wins
  answer_fault a{answer_fault::what::close};
  e.carry_out = f.kind == "lost" || f.number("carry-out", 0) != 0;
  if (is_status(f.kind)) {
    a.kind = answer_fault::what::status;
    a.status = std::stoi(f.kind);
    a.html = f.number("html", a.status >= 502 && a.status <= 504) != 0;
    a.code = f.text("code", "");
    a.retry_after = std::stod(f.text("retry-after", a.status == 429 ? "1" : "-1"));
  } else if (f.kind == "redirect") {
    a.kind = answer_fault::what::redirect;
    a.status = static_cast<int>(f.number("status", 302));
    a.location = f.text("to", "");
    const auto segment = [&](std::size_t wanted) {
      std::string_view rest = path;
      for (std::size_t i = 0; i < wanted && !rest.empty(); ++i)
        rest.remove_prefix(std::min(rest.find('/', 1), rest.size()));
      return std::string(rest.empty() ? rest : rest.substr(1, rest.find('/', 1) - 1));
    };
    if (const auto at = a.location.find("{id}"); at != a.location.npos) a.location.replace(at, 4, segment(2));
  } else if (f.kind == "hang") {
    a.kind = answer_fault::what::hang;
    a.ms = f.number("ms", 60000);
  }
  e.answer = a;
}

void apply(const fault& f, std::string_view path, effects& e) {
  e.names.push_back(f.kind);
  const auto at = static_cast<std::uint64_t>(std::max(0L, f.number("at", 0)));
  if (f.kind == "delay")
    e.delay_ms += f.number("ms", 1000);
  else if (f.kind == "slow")
    e.rate = static_cast<std::uint64_t>(std::max(1L, f.number("rate", 1000)));
  else if (f.kind == "cut")
    e.cut_at = at;
  else if (f.kind == "reset") {
    e.reset_at = at;
    e.reset_before_head = f.number("at", 0) < 0;
  } else if (f.kind == "stall") {
    e.stall_at = at;
    e.stall_ms = f.number("ms", 60000);
  } else if (f.kind == "wrong-length")
    e.length_off = f.number("by", 10);
  else if (f.kind == "invalid-json")
    e.invalid_json = true;
  else if (f.kind == "bad-base64")
    e.bad_base64 = f.text("how", "chars");
  else if (f.kind == "no-length")
    e.no_length = true;
  else if (f.kind == "chunked")
    e.chunk_bytes = static_cast<std::uint64_t>(std::max(1L, f.number("size", 16384)));
  else if (f.kind == "no-range")
    e.no_range = true;
  else if (f.kind == "new-etag")
    e.new_etag = true;
  else if (f.kind == "wrong-range")
    e.range_shift = f.number("by", 1);
  else
    apply_answer(f, path, e);
}

} // namespace

long fault::number(const std::string& key, long otherwise) const {
  const auto found = keys.find(key);
  return found == keys.end() ? otherwise : static_cast<long>(std::stod(found->second));
}

std::string fault::text(const std::string& key, const std::string& otherwise) const {
  const auto found = keys.find(key);
  return found == keys.end() ? otherwise : found->second;
}

bool glob_match(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob[0] != '*') return !text.empty() && glob[0] == text[0] && glob_match(glob.substr(1), text.substr(1));
  const bool deep = glob.starts_with("**");
  const auto rest = glob.substr(deep ? 2 : 1);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (glob_match(rest, text.substr(i))) return true;
    if (i < text.size() && text[i] == '/' && !deep) return false;
  }
  return false;
}

fault parse_fault(const std::string& spec) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; at <= spec.size();) {
    const auto end = std::min(spec.find(',', at), spec.size());
    auto field = spec.substr(at, end - at);
    field.erase(0, std::min(field.find_first_not_of(' '), field.size()));
    field.erase(field.find_last_not_of(' ') + 1);
    fields.push_back(field);
    at = end + 1;
  }
  if (fields.size() < 3) wrong(spec, "expected ROUTE,WHEN,KIND[,key=value...]");
  fault f;
  set_route(f, fields[0]);
  f.when = fields[1];
  f.kind = fields[2];
  for (std::size_t i = 3; i < fields.size(); ++i) {
    const auto eq = fields[i].find('=');
    if (eq == std::string::npos) wrong(spec, "expected key=value, found " + fields[i]);
    f.keys[fields[i].substr(0, eq)] = fields[i].substr(eq + 1);
  }
  try {
    check(spec, f);
  } catch (const std::invalid_argument& e) {
    if (std::string_view(e.what()).starts_with("fault")) throw;
    wrong(spec, "a number is malformed"); // std::stod
  }
  return f;
}

void fault_plan::add(const std::string& spec) {
  auto f = parse_fault(spec);
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(f));
}

void fault_plan::set(const json::value& v) {
  const auto* more = v.is_object() ? v.as_object().if_contains("add") : nullptr;
  auto fresh = list(more ? *more : v);
  const std::lock_guard lock(mutex_);
  if (!more) faults_.clear();
  std::ranges::move(fresh, std::back_inserter(faults_));
}

void fault_plan::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

json::value fault_plan::describe() const {
  const std::lock_guard lock(mutex_);
  json::array out;
  for (const auto& f : faults_) {
    json::object o{{"route", f.method + ' ' + f.glob}, {"when", f.when}, {"kind", f.kind}, {"fired", f.fired}};
    for (const auto& [key, value] : f.keys) o[key] = value;
    out.push_back(std::move(o));
  }
  return out;
}

effects fault_plan::match(std::string_view method, std::string_view path) {
  effects e;
  const std::lock_guard lock(mutex_);
  for (auto& f : faults_) {
    if ((f.method != "*" && f.method != method) || !glob_match(f.glob, path)) continue;
    const auto n = ++f.seen[f.per_path ? std::string(path) : std::string()];
    if (n < f.first || n > f.last) continue;
    if (f.chance < 1) {
      random_ += 1;
      if (static_cast<double>(mix(random_) >> 11) * 0x1p-53 >= f.chance) continue;
    }
    ++f.fired;
    apply(f, path, e);
  }
  return e;
}

} // namespace fake

#include "fakes/fault_proxy/plan.hpp"

#include <boost/json.hpp>

#include <functional>
#include <map>
#include <set>
#include <stdexcept>

namespace weir::fakes {

namespace {

namespace bj = boost::json;

/// An object whose members must all be read.
class members {
 public:
  explicit members(const bj::value& v) : object_(check(v)) {}

  const bj::value* find(std::string_view name) {
    used_.emplace(name);
    return object_.if_contains(name);
  }
  const bj::value& need(std::string_view name) {
    const bj::value* v = find(name);
    if (!v) throw std::runtime_error("member \"" + std::string(name) + "\" is missing in " + bj::serialize(object_));
    return *v;
  }
  std::string text(std::string_view name) { return bj::value_to<std::string>(need(name)); }
  std::string text(std::string_view name, std::string otherwise) {
    const bj::value* v = find(name);
    return v ? bj::value_to<std::string>(*v) : otherwise;
  }
  template <class T>
  T number(std::string_view name) {
    return need(name).to_number<T>();
  }
  template <class T>
  T number(std::string_view name, T otherwise) {
    const bj::value* v = find(name);
    return v ? v->to_number<T>() : otherwise;
  }
  milliseconds ms(std::string_view name = "ms") { return milliseconds(number<std::int64_t>(name)); }

  void end() const {
    for (const auto& [name, value] : object_)
      if (!used_.contains(std::string(name))) throw std::runtime_error("unknown member \"" + std::string(name) + "\"");
  }

 private:
  static const bj::object& check(const bj::value& v) {
    if (!v.is_object()) throw std::runtime_error("not an object: " + bj::serialize(v));
    return v.get_object();
  }
  const bj::object& object_;
  std::set<std::string> used_;
};

own_answer answer_from(members& m) {
  own_answer a;
  a.status = m.number<int>("status");
  if (const bj::value* body = m.find("body"))
    a.body = body->is_string() ? bj::value_to<std::string>(*body) : bj::serialize(*body);
  a.content_type = m.text("content_type", "application/json");
  if (const bj::value* headers = m.find("headers"))
    for (const auto& [name, value] : headers->as_object())
      a.headers.emplace_back(std::string(name), bj::value_to<std::string>(value));
  return a;
}

using maker = std::function<action(members&)>;
using u64 = std::uint64_t;

const std::map<std::string, maker, std::less<>>& makers() {
  static const std::map<std::string, maker, std::less<>> all = {
      {"forward", [](members&) { return action{}; }},
      {"delay", [](members& m) { return faults::delay(m.ms()); }},
      {"delay_response", [](members& m) { return faults::delay_response(m.ms()); }},
      {"throttle_response", [](members& m) { return faults::throttle_response(m.number<u64>("bytes_per_second")); }},
      {"throttle_request", [](members& m) { return faults::throttle_request(m.number<u64>("bytes_per_second")); }},
      {"reset_after", [](members& m) { return faults::reset_after(m.number<u64>("bytes")); }},
      {"close_after", [](members& m) { return faults::close_after(m.number<u64>("bytes")); }},
      {"stall_after", [](members& m) { return faults::stall_after(m.number<u64>("bytes")); }},
      {"wrong_length", [](members& m) { return faults::wrong_length(m.number<std::int64_t>("change")); }},
      {"drop_length",
       [](members& m) {
         return m.find("bytes") ? faults::drop_length_and_cut(m.number<u64>("bytes")) : faults::drop_length();
       }},
      {"status", [](members& m) { return faults::status(answer_from(m)); }},
      {"early", [](members& m) { return faults::early(answer_from(m)); }},
      {"expired", [](members&) { return faults::expired(); }},
      {"unauthorized", [](members& m) { return faults::unauthorized(m.text("msg", "Missing Authorization Header")); }},
      {"too_many", [](members& m) { return faults::too_many(m.number<int>("retry_after")); }},
      {"gateway_error", [](members& m) { return faults::gateway_error(m.number<int>("status")); }},
      {"login_page", [](members&) { return faults::login_page(); }},
      {"redirect", [](members& m) { return faults::redirect(m.text("location"), m.number<int>("status", 302)); }},
      {"answer_then_close", [](members&) { return faults::answer_then_close(); }},
      {"cut_before_forwarding", [](members&) { return faults::cut_before_forwarding(); }},
      {"cut_after_forwarding", [](members&) { return faults::cut_after_forwarding(); }},
      {"refuse", [](members& m) { return faults::refuse(m.ms()); }},
      {"late_401", [](members& m) { return faults::late_401(m.ms()); }},
      {"add_header", [](members& m) { return faults::add_header(m.text("header"), m.text("value")); }},
      {"remove_header", [](members& m) { return faults::remove_header(m.text("header")); }},
      {"replace_header", [](members& m) { return faults::replace_header(m.text("header"), m.text("value")); }},
      {"dates",
       [](members& m) { return faults::dates(std::chrono::seconds(m.number<std::int64_t>("seconds", 3600))); }},
  };
  return all;
}

action action_from(members& m) {
  const std::string name = m.text("action");
  const auto found = makers().find(name);
  if (found != makers().end()) return found->second(m);
  std::string known;
  for (const auto& [other, make] : makers()) known += " " + other;
  throw std::runtime_error("unknown action \"" + name + "\"; known are" + known);
}

/// Takes over what `more` changes.
void join(action& to, action more) {
  const action plain;
  const auto take = [&](auto action::* member) {
    if (more.*member != plain.*member) to.*member = more.*member;
  };
  take(&action::delay);
  take(&action::delay_response);
  take(&action::request_bytes_per_second);
  take(&action::response_bytes_per_second);
  if (more.cutting != action::cut::none) {
    to.cutting = more.cutting;
    to.cut_after_bytes = more.cut_after_bytes;
  }
  take(&action::length_change);
  take(&action::drop_length);
  take(&action::shift_date);
  take(&action::before_body);
  take(&action::close_after_answer);
  take(&action::losing);
  take(&action::refuse_for);
  if (more.answer) to.answer = std::move(more.answer);
  for (header_change& c : more.headers) to.headers.push_back(std::move(c));
}

rule rule_from(const bj::value& v) {
  members m(v);
  rule r;
  r.name = m.text("name", "");
  r.when.method = m.text("method", "");
  r.when.path_prefix = m.text("path_prefix", "");
  r.when.path_regex = m.text("path_regex", "");
  r.when.skip = m.number<u64>("skip", 0);
  r.when.first = m.number<u64>("first", 0);
  r.when.probability = m.number<double>("probability", 1);
  r.when.seed = m.number<u64>("seed", 1);
  if (m.find("nth")) r.when = r.when.nth(m.number<u64>("nth"));
  if (const bj::value* several = m.find("actions")) {
    for (const bj::value& one : several->as_array()) {
      members inner(one);
      join(r.then, action_from(inner));
      inner.end();
    }
  } else {
    r.then = action_from(m);
  }
  r.then.cut_counts_head = m.find("cut_counts_head") != nullptr && m.need("cut_counts_head").as_bool();
  m.end();
  return r;
}

} // namespace

std::vector<rule> rules_from(const bj::value& plan) {
  if (!plan.is_array()) throw std::runtime_error("a plan is an array of rules");
  std::vector<rule> rules;
  for (const bj::value& v : plan.get_array()) rules.push_back(rule_from(v));
  return rules;
}

} // namespace weir::fakes

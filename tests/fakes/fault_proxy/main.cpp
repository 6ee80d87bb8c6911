// weir-fault-proxy --to HOST:PORT [--plan JSON]: a fault_proxy as a process, for tests in other languages. It prints
// its address as one line of JSON and ends with its stdin. Each line of stdin is a command, answered by one line:
//   {"rules": [...]}   {"journal": true}   {"reset": true}   {"refuse_ms": 500}
//   {"count": "regex", "method": "GET"}   {"max_in_flight": "regex"}
#include "fakes/fault_proxy/plan.hpp"
#include "fakes/fault_proxy/proxy.hpp"

#include <boost/json.hpp>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace {

namespace bj = boost::json;
using weir::fakes::fault_proxy;

bj::object described(const weir::fakes::journal_entry& e) {
  return {{"number", e.number},
          {"connection", e.connection},
          {"method", e.method},
          {"target", e.target},
          {"status", e.status},
          {"upstream_status", e.upstream_status},
          {"request_bytes", e.request_bytes},
          {"response_bytes", e.response_bytes},
          {"forwarded", e.forwarded},
          {"authorization_sha256", e.authorization_sha256},
          {"rule", e.rule},
          {"finished", e.finished},
          {"began_ms", e.began.count()},
          {"ended_ms", e.ended.count()}};
}

bj::object obeyed(fault_proxy& proxy, const bj::object& command) {
  if (const bj::value* rules = command.if_contains("rules")) {
    proxy.set_rules(weir::fakes::rules_from(*rules));
    return {{"rules", rules->as_array().size()}};
  }
  if (command.contains("journal")) {
    bj::array all;
    for (const auto& e : proxy.journal()) all.push_back(described(e));
    return {{"journal", std::move(all)}, {"connections", proxy.connections()}};
  }
  if (command.contains("reset")) {
    proxy.reset();
    return {{"reset", true}};
  }
  if (const bj::value* time = command.if_contains("refuse_ms")) {
    proxy.refuse_for(std::chrono::milliseconds(time->to_number<std::int64_t>()));
    return {{"refusing", true}};
  }
  if (const bj::value* regex = command.if_contains("count")) {
    const bj::value* method = command.if_contains("method");
    return {
        {"count", proxy.count(bj::value_to<std::string>(*regex), method ? bj::value_to<std::string>(*method) : "")}};
  }
  if (const bj::value* regex = command.if_contains("max_in_flight"))
    return {{"max_in_flight", proxy.max_in_flight(bj::value_to<std::string>(*regex))}};
  throw std::runtime_error("unknown command " + bj::serialize(command));
}

int serve(int count, char** arguments) {
  std::string to, plan = "[]";
  for (int i = 1; i < count; i += 2) {
    const std::string name = arguments[i];
    if (i + 1 == count || (name != "--to" && name != "--plan"))
      throw std::runtime_error("usage: weir-fault-proxy --to HOST:PORT [--plan JSON]");
    (name == "--to" ? to : plan) = arguments[i + 1];
  }
  const std::size_t colon = to.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("--to HOST:PORT is missing");
  fault_proxy proxy(to.substr(0, colon), std::stoi(to.substr(colon + 1)), weir::fakes::rules_from(bj::parse(plan)));
  std::cout << bj::serialize(bj::object{{"url", proxy.url()}, {"port", proxy.port()}}) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    bj::object answer;
    try {
      answer = obeyed(proxy, bj::parse(line).as_object());
    } catch (const std::exception& e) {
      answer = {{"error", e.what()}};
    }
    std::cout << bj::serialize(answer) << std::endl;
  }
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return serve(count, arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weir-fault-proxy: %s\n", e.what());
    return 2;
  }
}

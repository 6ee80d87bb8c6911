// Each rule does what it says, byte for byte.
#include "fakes/fault_proxy/sha256.hpp"
#include "fakes/fault_proxy_kit.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <regex>
#include <thread>

namespace {

using namespace weir::fakes::testing;
using namespace std::chrono_literals;
using weir::fakes::action;
using weir::fakes::fault_proxy;
using weir::fakes::match;
namespace faults = weir::fakes::faults;
using clock = std::chrono::steady_clock;

std::string whole_answer(const fault_proxy& proxy, const std::string& request = get("/")) {
  raw_peer client(proxy.port());
  client.send(request);
  return client.read_to_end();
}

int status_of(raw_peer& client, const std::string& request) {
  client.send(request);
  const std::string head = client.read_head();
  client.read(std::stoul("0" + header_of(head, "Content-Length")));
  return head.empty() ? 0 : std::stoi(head.substr(9, 3));
}

TEST(fault_rules, delay_holds_the_request_and_delay_response_the_answer) {
  std::atomic<clock::rep> came{0};
  const fault_server up(fault_server::per_request([&](const std::string&, wire& w) {
    came = clock::now().time_since_epoch().count();
    w.send(hello_answer);
  }));
  const auto since = [](clock::rep from) { return clock::now().time_since_epoch() - clock::duration(from); };
  fault_proxy proxy(up.port(), {{{}, faults::delay(150ms)}});
  raw_peer client(proxy.port());
  const auto begin = clock::now().time_since_epoch();
  client.send(get("/"));
  EXPECT_EQ(client.read(hello_answer.size()), hello_answer);
  EXPECT_GE(clock::duration(came.load()) - begin, 150ms);

  proxy.set_rules({{{}, faults::delay_response(150ms)}});
  client.send(get("/"));
  EXPECT_EQ(client.read(hello_answer.size()), hello_answer);
  EXPECT_GE(since(came), 150ms);
}

TEST(fault_rules, throttle_slows_the_bodies) {
  hello_proxy slow(faults::throttle_response(100));
  raw_peer client(slow.proxy.port());
  auto begin = clock::now();
  client.send(get("/"));
  EXPECT_EQ(client.read(hello_head.size() + 1).size(), hello_head.size() + 1);
  EXPECT_LT(clock::now() - begin, 200ms);
  EXPECT_EQ(client.read(25), "bcdefghijklmnopqrstuvwxyz");
  EXPECT_GE(clock::now() - begin, 200ms);

  slow.proxy.set_rules({{{}, faults::throttle_request(100)}});
  begin = clock::now();
  client.send("POST / HTTP/1.1\r\nHost: u\r\nContent-Length: 30\r\n\r\n" + std::string(30, 'x'));
  EXPECT_EQ(client.read(hello_answer.size()), hello_answer);
  EXPECT_GE(clock::now() - begin, 250ms);
  EXPECT_EQ(slow.proxy.journal().at(1).request_bytes, 30u);
}

TEST(fault_rules, reset_close_and_stall_after_so_many_bytes_of_the_body) {
  for (const std::size_t bytes : {0u, 1u, 7u, 26u}) {
    hello_proxy p(faults::reset_after(bytes));
    raw_peer client(p.proxy.port());
    client.send(get("/"));
    EXPECT_EQ(client.read_to_end(), hello_answer.substr(0, hello_head.size() + bytes));
    EXPECT_EQ(client.how_it_ended(), ending::reset);

    p.proxy.set_rules({{{}, faults::close_after(bytes)}});
    raw_peer second(p.proxy.port());
    second.send(get("/"));
    EXPECT_EQ(second.read_to_end(), hello_answer.substr(0, hello_head.size() + bytes));
    EXPECT_EQ(second.how_it_ended(), ending::orderly);

    p.proxy.set_rules({{{}, faults::stall_after(bytes)}});
    {
      raw_peer third(p.proxy.port());
      third.send(get("/"));
      EXPECT_EQ(third.read_to_end(150ms), hello_answer.substr(0, hello_head.size() + bytes));
      EXPECT_EQ(third.how_it_ended(), ending::timeout);
      EXPECT_FALSE(p.proxy.journal().at(2).finished);
    }
    while (!p.proxy.journal().at(2).finished) std::this_thread::sleep_for(1ms);
    for (const auto& e : p.proxy.journal()) EXPECT_EQ(e.response_bytes, bytes);
  }
  // A body that is shorter passes unhurt, and the connection lives.
  hello_proxy p(faults::reset_after(27));
  raw_peer client(p.proxy.port());
  EXPECT_EQ(status_of(client, get("/")), 200);
  EXPECT_EQ(status_of(client, get("/")), 200);
}

TEST(fault_rules, a_cut_may_fall_into_the_head) {
  action a = faults::reset_after(15);
  a.cut_counts_head = true;
  hello_proxy p(a);
  EXPECT_EQ(whole_answer(p.proxy), "HTTP/1.1 200 OK");
  a = faults::close_after(hello_head.size() + 3);
  a.cut_counts_head = true;
  p.proxy.set_rules({{{}, a}});
  EXPECT_EQ(whole_answer(p.proxy), hello_head + "abc");
}

TEST(fault_rules, a_reset_lets_megabytes_arrive_first) {
  const fault_server up(
      fault_server::per_request([](const std::string&, wire& w) { w.answer(200, std::string(8'000'000, 'm')); }));
  const fault_proxy proxy(up.port(), {{{}, faults::reset_after(5'000'001)}});
  raw_peer client(proxy.port());
  client.send(get("/"));
  client.read_head();
  EXPECT_EQ(client.read_to_end().size(), 5'000'001u);
  EXPECT_EQ(client.how_it_ended(), ending::reset);
}

TEST(fault_rules, wrong_length_changes_the_number_alone) {
  hello_proxy p(faults::wrong_length(5));
  std::string longer = hello_answer, shorter = hello_answer;
  longer.replace(longer.find("26"), 2, "31");
  shorter.replace(shorter.find("26"), 2, "20");
  EXPECT_EQ(whole_answer(p.proxy), longer);
  p.proxy.set_rules({{{}, faults::wrong_length(-6)}});
  raw_peer client(p.proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read(shorter.size()), shorter);
  EXPECT_EQ(client.read_to_end(100ms), "");
  EXPECT_EQ(client.how_it_ended(), ending::timeout);
}

TEST(fault_rules, drop_length_leaves_the_end_to_the_connection) {
  std::string bare = hello_answer;
  bare.replace(bare.find("Content-Length: 26"), 18, "Connection: close");
  hello_proxy p(faults::drop_length());
  EXPECT_EQ(whole_answer(p.proxy), bare);
  p.proxy.set_rules({{{}, faults::drop_length_and_cut(10)}});
  EXPECT_EQ(whole_answer(p.proxy), bare.substr(0, bare.size() - 16));

  const fault_server chunked(fault_server::per_request([](const std::string&, wire& w) {
    w.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  }));
  const fault_proxy other(chunked.port(), {{{}, faults::drop_length()}});
  EXPECT_EQ(whole_answer(other), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde");
}

TEST(fault_rules, own_answers_have_their_status_type_headers_and_body) {
  hello_proxy p(faults::expired());
  raw_peer client(p.proxy.port());
  const auto answered = [&](const action& a, const std::string& request = get("/x")) {
    p.proxy.set_rules({{{}, a}});
    client.send(request);
    const std::string head = client.read_head();
    return head + client.read(std::stoul("0" + header_of(head, "Content-Length")));
  };
  EXPECT_EQ(answered(faults::expired()),
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 51\r\n\r\n"
            R"({"error": true, "message": "Signature has expired"})");
  EXPECT_TRUE(
      answered(faults::unauthorized("Token has been revoked")).ends_with(R"({"msg": "Token has been revoked"})"));
  EXPECT_EQ(header_of(answered(faults::too_many(7)), "Retry-After"), "7");
  for (const int status : {502, 503, 504}) {
    const std::string page = answered(faults::gateway_error(status));
    EXPECT_TRUE(page.starts_with("HTTP/1.1 " + std::to_string(status))) << page;
    EXPECT_EQ(header_of(page, "Content-Type"), "text/html");
    EXPECT_NE(page.find("<center>nginx</center>"), std::string::npos);
  }
  EXPECT_NE(answered(faults::login_page()).find("<form"), std::string::npos);
  const std::string moved = answered(faults::redirect("http://elsewhere/y", 307));
  EXPECT_EQ(moved, "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n"
                   "Location: http://elsewhere/y\r\n\r\n");
  // A body of a request is read before the answer, and never part of the next request.
  EXPECT_TRUE(answered(faults::status(201, "{}"),
                       "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\nabcd")
                  .ends_with("\r\n\r\n{}"));
  EXPECT_EQ(p.proxy.count("smuggled"), 0u);
  for (const auto& e : p.proxy.journal()) EXPECT_FALSE(e.forwarded);
  EXPECT_EQ(p.up.connections(), 0);
  EXPECT_EQ(p.proxy.connections(), 1);
}

TEST(fault_rules, an_own_answer_to_head_has_no_body) {
  hello_proxy p(faults::status(200, "hidden"));
  raw_peer client(p.proxy.port());
  client.send("HEAD / HTTP/1.1\r\nHost: u\r\n\r\n");
  EXPECT_EQ(header_of(client.read_head(), "Content-Length"), "6");
  EXPECT_EQ(client.read_to_end(100ms), "");
}

TEST(fault_rules, an_early_answer_comes_before_the_body_and_ends_the_connection) {
  hello_proxy p(faults::early({413, "stop", "text/plain", {}}));
  raw_peer client(p.proxy.port());
  client.send("POST / HTTP/1.1\r\nHost: u\r\nContent-Length: 1000000\r\n\r\nbegin");
  EXPECT_EQ(client.read_to_end(),
            "HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nstop");
  EXPECT_EQ(client.how_it_ended(), ending::orderly);
}

TEST(fault_rules, a_refused_expectation_is_answered_without_the_body) {
  hello_proxy p(faults::status(417, "no"));
  EXPECT_TRUE(
      whole_answer(p.proxy, "POST / HTTP/1.1\r\nHost: u\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
          .ends_with("\r\n\r\nno"));
}

TEST(fault_rules, answer_then_close_says_nothing_of_the_end) {
  hello_proxy p(faults::answer_then_close());
  EXPECT_EQ(whole_answer(p.proxy), hello_answer);
  EXPECT_TRUE(p.proxy.journal().at(0).forwarded);
}

TEST(fault_rules, cut_after_forwarding_carries_out_and_loses_the_answer) {
  std::promise<std::string> body;
  const fault_server up([&](wire& w) {
    const std::string head = w.read_head();
    body.set_value(w.read_body_of(head));
    w.send(hello_answer);
    w.wait_for_close(20000);
  });
  const fault_proxy proxy(up.port(), {{{}, faults::cut_after_forwarding()}});
  raw_peer client(proxy.port());
  client.send("POST /make HTTP/1.1\r\nHost: u\r\nContent-Length: 5\r\n\r\nthing");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(client.how_it_ended(), ending::reset);
  EXPECT_EQ(body.get_future().get(), "thing");
  const auto e = proxy.journal().at(0);
  EXPECT_TRUE(e.forwarded);
  EXPECT_EQ(e.status, 0);
  EXPECT_EQ(e.upstream_status, 200);
  EXPECT_EQ(e.response_bytes, 0u);
}

TEST(fault_rules, cut_before_forwarding_carries_out_nothing) {
  hello_proxy p(faults::cut_before_forwarding());
  raw_peer client(p.proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(client.how_it_ended(), ending::reset);
  EXPECT_FALSE(p.proxy.journal().at(0).forwarded);
  EXPECT_EQ(p.up.connections(), 0);
}

TEST(fault_rules, refuse_takes_the_server_away_and_back_on_the_same_port) {
  hello_proxy p(faults::refuse(400ms), match{.path_prefix = "/off"}.nth(1));
  raw_peer other(p.proxy.port());
  EXPECT_EQ(status_of(other, get("/on")), 200);
  const auto begin = clock::now();
  EXPECT_EQ(whole_answer(p.proxy, get("/off")), "");
  EXPECT_FALSE(raw_peer(p.proxy.port()).connected());
  EXPECT_EQ(other.read_to_end(), "");
  while (!raw_peer(p.proxy.port()).connected()) std::this_thread::sleep_for(5ms);
  EXPECT_GE(clock::now() - begin, 400ms);
  raw_peer back(p.proxy.port());
  EXPECT_EQ(status_of(back, get("/off")), 200);
}

TEST(fault_rules, late_401_holds_one_request_while_others_go_on) {
  hello_proxy p(faults::late_401(2s), match{}.nth(1));
  raw_peer first(p.proxy.port()), second(p.proxy.port());
  const auto begin = clock::now();
  first.send(get("/first"));
  while (p.proxy.count("first") == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(status_of(second, get("/second")), 200);
  EXPECT_LT(clock::now() - begin, 2s);
  EXPECT_TRUE(first.read_head().starts_with("HTTP/1.1 401 "));
  EXPECT_GE(clock::now() - begin, 2s);
}

TEST(fault_rules, headers_are_added_removed_and_replaced) {
  action a = faults::replace_header("etag", "\"two\"");
  a.headers.push_back(faults::remove_header("Accept-Ranges").headers[0]);
  a.headers.push_back(faults::add_header("Set-Cookie", "a=b").headers[0]);
  hello_proxy p(a);
  raw_peer client(p.proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_head(),
            "HTTP/1.1 200 OK\r\nServer: up\r\nDate: Tue, 29 Feb 2028 23:30:00 GMT\r\nETag: \"two\"\r\n"
            "Content-Length: 26\r\nSet-Cookie: a=b\r\n\r\n");
}

TEST(fault_rules, dates_are_shifted) {
  hello_proxy p(faults::dates());
  raw_peer client(p.proxy.port());
  client.send(get("/"));
  EXPECT_EQ(header_of(client.read_head(), "Date"), "Wed, 01 Mar 2028 00:30:00 GMT");
  p.proxy.set_rules({{{}, faults::dates(-24h)}});
  raw_peer other(p.proxy.port());
  other.send(get("/"));
  EXPECT_EQ(header_of(other.read_head(), "Date"), "Mon, 28 Feb 2028 23:30:00 GMT");
}

TEST(fault_rules, matches_choose_by_method_path_and_turn) {
  hello_proxy p({});
  raw_peer client(p.proxy.port());
  const auto statuses = [&](const match& when, const std::string& request, int times) {
    p.proxy.set_rules({{when, faults::status(418, "")}});
    std::string all;
    for (int i = 0; i < times; ++i) all += status_of(client, request) == 418 ? '1' : '0';
    return all;
  };
  const std::string remove = "DELETE /data/x HTTP/1.1\r\nHost: u\r\n\r\n";
  EXPECT_EQ(statuses({.method = "DELETE"}, remove, 2), "11");
  EXPECT_EQ(statuses({.method = "DELETE"}, get("/data/x"), 2), "00");
  EXPECT_EQ(statuses({.path_prefix = "/data"}, get("/data/x"), 1), "1");
  EXPECT_EQ(statuses({.path_prefix = "/data"}, get("/other/data"), 1), "0");
  EXPECT_EQ(statuses({.path_regex = "x\\?page=[2-9]$"}, get("/data/x?page=3"), 1), "1");
  EXPECT_EQ(statuses({.path_regex = "x\\?page=[2-9]$"}, get("/data/x?page=1"), 1), "0");
  EXPECT_EQ(statuses(match{}.nth(3), get("/"), 5), "00100");
  EXPECT_EQ(statuses({.first = 2}, get("/"), 5), "11000");
  EXPECT_EQ(statuses({.skip = 2}, get("/"), 5), "00111");
  EXPECT_THROW(p.proxy.set_rules({{{.path_regex = "["}, {}}}), std::regex_error);

  const std::string third = statuses({.probability = 0.3, .seed = 7}, get("/"), 200);
  EXPECT_EQ(third, statuses({.probability = 0.3, .seed = 7}, get("/"), 200));
  EXPECT_NE(third, statuses({.probability = 0.3, .seed = 8}, get("/"), 200));
  const auto ones = std::count(third.begin(), third.end(), '1');
  EXPECT_GT(ones, 35);
  EXPECT_LT(ones, 90);
}

TEST(fault_rules, the_first_rule_that_takes_a_request_decides_and_is_named) {
  hello_proxy p({});
  p.proxy.set_rules({{.when = match{}.nth(1), .then = faults::status(503, ""), .name = "down once"},
                     {.when = {.first = 1}, .then = faults::status(401, "")}});
  raw_peer client(p.proxy.port());
  EXPECT_EQ(status_of(client, get("/")), 503);
  EXPECT_EQ(status_of(client, get("/")), 401);
  EXPECT_EQ(status_of(client, get("/")), 200);
  const auto journal = p.proxy.journal();
  EXPECT_EQ(journal.at(0).rule, "down once");
  EXPECT_EQ(journal.at(1).rule, "rule 2");
  EXPECT_EQ(journal.at(2).rule, "");
  EXPECT_EQ(journal.at(1).status, 401);
}

} // namespace

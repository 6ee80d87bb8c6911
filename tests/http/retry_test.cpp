#include "http/client_fixture.hpp"

#include <mutex>

namespace weir::test {
namespace {

using http::attempt_outcome;
using http::backoff;
using http::headers;
using http::may_repeat;
using http::retry_after;
using std::chrono::milliseconds;
using std::chrono::system_clock;

retry_policy quick(int attempts) { return {.max_attempts = attempts, .first_wait = 1ms, .max_wait = 5ms}; }

/// Answers the n-th request by the n-th script line; the last one is used for all further ones.
struct scripted {
  std::atomic<int> requests{0};
  std::vector<std::function<void(wire&)>> steps;
  fault_server server{fault_server::per_request([this](const std::string& head, wire& w) {
    w.read_body_of(head);
    const auto n = static_cast<std::size_t>(requests++);
    steps[std::min(n, steps.size() - 1)](w);
  })};
  explicit scripted(std::vector<std::function<void(wire&)>> s) : steps(std::move(s)) {}
};

std::function<void(wire&)> says(int status, std::string extra = "") {
  return [=](wire& w) { w.answer(status, "s" + std::to_string(status), extra); };
}
void cut(wire& w) {
  w.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  w.close();
}
void drop(wire& w) { w.close(); }

} // namespace

TEST(retry, reads_what_the_server_asks_for) {
  const auto now = system_clock::from_time_t(784111777); // Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 5.6.7)
  const auto asked = [&](headers h) { return retry_after(h, now); };
  EXPECT_EQ(asked({{"Retry-After", "7"}}), 7s);
  EXPECT_EQ(asked({{"retry-after", "0"}}), 0s);
  EXPECT_EQ(asked({{"Retry-After", "1.5"}}), 1500ms);
  EXPECT_EQ(asked({{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}), 10s);
  EXPECT_EQ(asked({{"Retry-After", "Sun, 06 Nov 1994 08:40:00 GMT"}}), 0s);
  EXPECT_EQ(asked({{"Retry-After", "Sun, 06 Nov 1994 10:00:05 GMT"}, {"Date", "Sun, 06 Nov 1994 10:00:00 GMT"}}), 5s)
      << "their clock is an hour ahead of ours";
  EXPECT_EQ(asked({{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}, {"Date", "now"}}), 10s);
  EXPECT_EQ(asked({{"Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT"}}), 10s);
  EXPECT_EQ(asked({{"Retry-After", "9"}, {"retry-after-ms", "250"}}), 250ms);
  EXPECT_EQ(asked({{"Retry-After", "9"}, {"retry-after-ms", "soon"}}), 9s);
  for (const char* bad : {"", "soon", "-5", "nan", "inf", "1e999", "12 apples"})
    EXPECT_EQ(asked({{"Retry-After", bad}}), std::nullopt) << bad;
  EXPECT_EQ(asked({}), std::nullopt);
  EXPECT_EQ(asked({{"Retry-After", "99999999999999999999"}}), 24h * 7);
}

TEST(retry, waits_longer_each_time_with_a_random_half) {
  const retry_policy p{.first_wait = 100ms, .max_wait = 1000ms};
  EXPECT_EQ(backoff(p, 1, 0), 50ms);
  EXPECT_EQ(backoff(p, 1, 0xffffffff), 100ms);
  EXPECT_EQ(backoff(p, 3, 0xffffffff), 400ms);
  EXPECT_EQ(backoff(p, 9, 0xffffffff), 1000ms);
  EXPECT_EQ(backoff(p, 2'000'000'000, 0xffffffff), 1000ms);
}

TEST(retry, repeats_only_what_is_safe) {
  const retry_policy p;
  const attempt_outcome lost{.status = 0, .request_sent = true};
  const attempt_outcome unsent{.status = 0, .request_sent = false};
  EXPECT_TRUE(may_repeat(p, "GET", {}, lost));
  EXPECT_TRUE(may_repeat(p, "HEAD", {}, lost));
  EXPECT_FALSE(may_repeat(p, "POST", {}, lost));
  EXPECT_FALSE(may_repeat(p, "PUT", {}, lost));
  EXPECT_FALSE(may_repeat(p, "DELETE", {}, lost));
  EXPECT_TRUE(may_repeat(p, "POST", true, lost));
  EXPECT_FALSE(may_repeat(p, "GET", false, lost));
  EXPECT_TRUE(may_repeat(p, "POST", {}, unsent));
  for (const int status : {408, 425, 429, 500, 502, 503, 504})
    EXPECT_TRUE(may_repeat(p, "GET", {}, {.status = status}));
  for (const int status : {200, 301, 400, 401, 403, 404, 409, 501, 505})
    EXPECT_FALSE(may_repeat(p, "GET", {}, {.status = status})) << status;
  for (const int status : {408, 500, 502, 503, 504}) EXPECT_FALSE(may_repeat(p, "POST", {}, {.status = status}));
  EXPECT_TRUE(may_repeat(p, "POST", {}, {.status = 429}));
  EXPECT_FALSE(may_repeat(p, "GET", {}, {.status = 503, .refused = true}));
  EXPECT_FALSE(may_repeat(p, "GET", {}, {.status = 0, .limit_met = true}));
  EXPECT_FALSE(may_repeat({.repeat_after_500 = false}, "GET", {}, {.status = 500}));
  EXPECT_TRUE(may_repeat({.repeat_after_500 = false}, "GET", {}, {.status = 502}));
  const retry_policy billable{.repeat_only_after_429 = true};
  EXPECT_TRUE(may_repeat(billable, "POST", {}, {.status = 429}));
  for (const auto& other : {lost, unsent, attempt_outcome{.status = 503}, attempt_outcome{.status = 408}})
    EXPECT_FALSE(may_repeat(billable, "POST", true, other));
}

TEST(retry, a_get_is_repeated_until_it_succeeds) {
  scripted s({says(503), drop, cut, says(200)});
  const auto answer = send({.url = s.server.url(), .retry = quick(4)});
  EXPECT_EQ(answer.body, "s200");
}

TEST(retry, the_last_answer_is_given_back) {
  scripted s({says(503)});
  const auto answer = send({.url = s.server.url(), .retry = quick(3)});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(s.requests, 3);
}

TEST(retry, a_billable_post_is_sent_once_whatever_happens) {
  retry_policy billable = quick(5);
  billable.repeat_only_after_429 = true;
  for (const auto& step : {says(500), says(503, "Retry-After: 0\r\n"), says(408), says(200)}) {
    scripted s({step});
    send({.method = "POST", .url = s.server.url(), .body = "buy", .retry = billable});
    EXPECT_EQ(s.requests, 1);
  }
  for (const auto step : {drop, cut}) {
    scripted s({step});
    const failed f = failure_of({.method = "POST", .url = s.server.url(), .body = "buy", .retry = billable});
    EXPECT_EQ(f.code, errc::unavailable);
    EXPECT_TRUE(f.request_sent);
    EXPECT_EQ(s.requests, 1);
  }
  scripted stalled({[](wire& w) { w.wait_for_close(5000); }});
  const failed f = failure_of({.method = "POST",
                               .url = stalled.server.url(),
                               .body = "buy",
                               .timeouts = http::timeouts{.idle = 150ms},
                               .retry = billable});
  EXPECT_EQ(f.code, errc::timeout);
  EXPECT_TRUE(f.request_sent);
  EXPECT_EQ(stalled.requests, 1);

  scripted limited({says(429, "retry-after-ms: 20\r\n"), says(200)});
  EXPECT_EQ(send({.method = "POST", .url = limited.server.url(), .body = "buy", .retry = billable}).status, 200);
  EXPECT_EQ(limited.requests, 2);
}

TEST(retry, waits_as_long_as_the_server_asks) {
  scripted s({says(429, "Retry-After: 1\r\n"), says(200)});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(send({.url = s.server.url(), .retry = quick(2)}).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1000ms);
}

TEST(retry, a_wait_over_the_limit_is_handed_to_the_caller) {
  scripted s({says(429, "Retry-After: 3600\r\n"), says(200)});
  const auto begin = std::chrono::steady_clock::now();
  try {
    send({.url = s.server.url("/?key=hush"), .retry = quick(5)});
    FAIL();
  } catch (const status_error& e) {
    EXPECT_EQ(e.code(), errc::remote);
    EXPECT_EQ(e.status(), 429);
    EXPECT_EQ(e.retry_after(), 3600s);
    EXPECT_NE(std::string(e.what()).find("3600 s"), std::string::npos) << e.what();
    EXPECT_EQ(std::string(e.what()).find("hush"), std::string::npos) << e.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(s.requests, 1);
}

TEST(retry, the_server_may_forbid_it) {
  scripted s({says(503, "x-should-retry: false\r\n")});
  EXPECT_EQ(send({.url = s.server.url(), .retry = quick(5)}).status, 503);
  EXPECT_EQ(s.requests, 1);
}

TEST(retry, a_limit_of_ours_is_not_run_into_twice) {
  scripted s({says(200)});
  EXPECT_EQ(failure_of({.url = s.server.url(), .max_response_bytes = 2, .retry = quick(5)}).code, errc::too_large);
  EXPECT_EQ(s.requests, 1);
}

TEST(retry, a_stream_is_repeated_only_before_its_first_piece) {
  const auto run_stream = [](scripted& s) {
    return weir::run([](scripted& x) -> task<std::string> {
      client web(direct());
      std::string got;
      try {
        co_await web.stream({.url = x.server.url(), .retry = quick(4)},
                            [&](std::span<const std::byte> piece) -> task<void> {
                              got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                              co_return;
                            });
      } catch (const transport_error& e) {
        got += std::string("!") + std::string(to_string(e.code()));
      }
      co_return got;
    }(s));
  };
  scripted before({says(503), drop, says(200)});
  EXPECT_EQ(run_stream(before), "s200");
  EXPECT_EQ(before.requests, 3);
  scripted within({cut, says(200)});
  EXPECT_EQ(run_stream(within), "abc!unavailable"); // what came is handed over, then the error
  EXPECT_EQ(within.requests, 1);
}

} // namespace weir::test

// What an older client of the same API does wrong about requests and answers, one test each: it fails where ours does
// so.
#include "http/fault_server.hpp"
#include "kitsu/stub_fixture.hpp"

#include <atomic>

namespace weir::kitsu::stubbed {
namespace {

using test::fault_server;
using test::request_line;
using test::wire;

/// With `known` the server has answered before, so that its silence is taken for a passing one.
template <class Call>
std::optional<failed_call> one_failure(const std::string& host, kitsu::tokens tokens, Call call,
                                       client_options options = once(), bool known = false) {
  return on_loop([&]() -> task<std::optional<failed_call>> {
    client studio(host, std::move(tokens), std::move(options));
    if (known) co_await studio.check_server_status();
    co_return co_await failure_of(call(studio));
  });
}

TEST(kitsu_defects, D8_calls_that_wait_for_their_turn_do_not_use_up_their_time) {
  kitsu_stub stub;
  stub.answer("GET", "data/slow", stub_function([](const stub_request&) {
                std::this_thread::sleep_for(200ms);
                return stub_answer{.body = "[1]"};
              }));
  on_loop([&]() -> task<void> {
    client_options options = once();
    EXPECT_EQ(options.timeouts.total, 0ms);
    EXPECT_EQ(options.transfer_timeouts.total, 0ms);
    options.max_calls = 1;
    options.timeouts.total = 1500ms;
    client studio(stub.host(), tokens_of(stub.issue()), options);
    std::vector<task<json::value>> calls;
    for (int i = 0; i < 12; ++i) calls.push_back(studio.get("data/slow"));
    EXPECT_EQ((co_await gather(std::move(calls))).size(), 12u); // the last after 2.4 s
  });
}

TEST(kitsu_defects, D8_silence_ends_a_call_and_slow_progress_does_not) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[\"" + std::string(200, 'x') + "\"]");
  fault_proxy proxy(stub.port(), {{{}, faults::stall_after(10)}});
  client_options options = once();
  options.timeouts.idle = 400ms;
  const auto get = [](client& c) { return c.get("data/x"); };
  const auto begin = std::chrono::steady_clock::now();
  const auto f = one_failure(host_of(proxy), tokens_of(stub.issue()), get, options);
  EXPECT_TRUE(f && f->why == failure::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  proxy.set_rules({{{}, faults::throttle_response(150)}});
  EXPECT_FALSE(one_failure(host_of(proxy), tokens_of(stub.issue()), get, options));
  EXPECT_GE(std::chrono::milliseconds(proxy.journal().back().ended - proxy.journal().back().began), 1s);
}

TEST(kitsu_defects, D9_any_number_of_calls_at_once_reaches_the_server_a_few_at_a_time) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", stub_function([](const stub_request&) {
                std::this_thread::sleep_for(2ms);
                return stub_answer{.body = "[1]"};
              }));
  stub.file("movie.mp4", pattern(1000));
  const own_folder folder;
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    std::vector<task<json::value>> calls;
    for (int i = 0; i < 500; ++i) calls.push_back(studio.get("data/x"));
    co_await gather(std::move(calls));
    EXPECT_LE(stub.max_in_flight(), client_options().max_calls);
    EXPECT_GE(stub.max_in_flight(), 2u);
    EXPECT_LE(stub.connections(), static_cast<int>(client_options().max_calls));
  });
  fault_proxy proxy(stub.port(), {{{}, faults::delay_response(5ms)}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), tokens_of(stub.issue()), quick());
    std::vector<task<kitsu::download_outcome>> downloads;
    for (int i = 0; i < 40; ++i)
      downloads.push_back(studio.download("movie.mp4", files::root::open(folder.path()), std::to_string(i) + ".mp4"));
    co_await gather(std::move(downloads));
    EXPECT_LE(proxy.max_in_flight(), client_options().max_transfers);
    EXPECT_GE(proxy.max_in_flight(), 2u);
  });
}

TEST(kitsu_defects, D22_every_status_but_success_is_an_error) {
  kitsu_stub stub;
  const std::vector<std::pair<int, failure>> table{
      {409, failure::conflict},     {415, failure::invalid},           {416, failure::invalid},
      {429, failure::rate_limited}, {501, failure::server_error},      {503, failure::gateway},
      {504, failure::gateway},      {500, failure::server_error},      {502, failure::gateway},
      {413, failure::too_large},    {405, failure::method_not_allowed}};
  for (const auto& [status, why] : table) {
    for (const char* method : {"GET", "POST", "PUT", "DELETE"})
      stub.answer(method, "data/x", stub_answer{.status = status, .body = R"({"message": "the reason"})"});
    const auto tokens = tokens_of(stub.issue());
    const std::vector<std::optional<failed_call>> all{
        one_failure(stub.host(), tokens, [](client& c) { return c.get("data/x"); }),
        one_failure(stub.host(), tokens, [](client& c) { return c.post("data/x"); }),
        one_failure(stub.host(), tokens, [](client& c) { return c.put("data/x"); }),
        one_failure(stub.host(), tokens, [](client& c) { return c.del("data/x"); }),
        one_failure(stub.host(), tokens, [](client& c) { return c.get_text("data/x"); }),
        one_failure(stub.host(), tokens, [](client& c) { return c.fetch_all("x"); }),
    };
    for (const auto& f : all) {
      EXPECT_TRUE(f && f->why == why && f->status == status) << status << (f ? kitsu::to_string(f->why) : " success");
      if (f) EXPECT_EQ(f->message, "the reason");
    }
  }
}

TEST(kitsu_defects, D22_busy_servers_are_asked_again_and_a_wait_they_ask_for_is_kept) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  stub.answer("POST", "data/x", "{\"id\": \"1\"}");
  const auto tokens = tokens_of(stub.issue());
  for (const int status : {502, 503, 504}) {
    const fault_proxy proxy(stub.port(), {{{.path_prefix = "/api/data", .first = 2}, faults::gateway_error(status)}});
    EXPECT_FALSE(one_failure(host_of(proxy), tokens, [](client& c) { return c.get("data/x"); }, quick(), true));
    EXPECT_EQ(proxy.count("data/x"), 3u);
  }
  const fault_proxy proxy(stub.port(), {{{.first = 1}, faults::too_many(1)}});
  EXPECT_FALSE(one_failure(host_of(proxy), tokens, [](client& c) { return c.post("data/x"); }, quick()));
  const auto journal = proxy.journal();
  ASSERT_EQ(journal.size(), 2u);
  EXPECT_GE(journal[1].began - journal[0].ended, 900ms);

  // What a POST did where a gateway answered nobody knows: it is not sent again.
  const fault_proxy unclear(stub.port(), {{{}, faults::gateway_error(504)}});
  const auto f = one_failure(host_of(unclear), tokens, [](client& c) { return c.post("data/x"); }, quick());
  EXPECT_TRUE(f && f->why == failure::gateway && f->may_have_been_carried_out);
  EXPECT_EQ(unclear.count("data/x"), 1u);
}

TEST(kitsu_defects, D23_one_reset_does_not_end_a_batch) {
  kitsu_stub stub;
  for (const char* method : {"GET", "PUT"}) stub.answer(method, "data/x", "{\"id\": \"1\"}");
  stub.answer("DELETE", "data/x", stub_answer{.status = 204});
  const std::vector<fakes::action> all{faults::cut_before_forwarding(), faults::cut_after_forwarding(),
                                       faults::reset_after(0), faults::reset_after(3), faults::close_after(3)};
  for (const fakes::action& fault : all) {
    fault_proxy proxy(stub.port());
    on_loop([&]() -> task<void> {
      client studio(host_of(proxy), tokens_of(stub.issue()), quick());
      const auto set = [&] { proxy.set_rules({{fakes::match{}.nth(1), fault}}); };
      set();
      EXPECT_TRUE((co_await studio.get("data/x")).is_object());
      set();
      EXPECT_TRUE((co_await studio.put("data/x")).is_object());
      // The answer to a DELETE has no body that could be cut.
      if (fault.cutting == fakes::action::cut::none) {
        set();
        EXPECT_TRUE((co_await studio.del("data/x")).is_null());
      }
    });
  }
  fault_proxy proxy(stub.port(), {{{.skip = 1, .probability = 0.1, .seed = 5}, faults::cut_before_forwarding()}});
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.retry.max_attempts = 6;
    client studio(host_of(proxy), tokens_of(stub.issue()), options);
    co_await studio.get("data/x");
    std::vector<task<json::value>> calls;
    for (int i = 0; i < 300; ++i) calls.push_back(studio.get("data/x"));
    EXPECT_EQ((co_await gather(std::move(calls))).size(), 300u);
  });
  EXPECT_GT(proxy.count("data/x"), 300u);
}

TEST(kitsu_defects, D23_a_server_that_restarts_is_waited_for) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  stub.answer("POST", "data/x", "{\"id\": \"1\"}");
  fault_proxy proxy(stub.port());
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.retry = {.max_attempts = 8, .first_wait = 50ms, .max_wait = 400ms};
    client studio(host_of(proxy), tokens_of(stub.issue()), options);
    co_await studio.get("data/x");
    proxy.refuse_for(300ms);
    // Neither can have been carried out where nobody listens.
    co_await gather(studio.get("data/x"), studio.post("data/x"));
  });
  EXPECT_EQ(stub.count("POST", "data/x"), 1u);
}

TEST(kitsu_defects, D23_a_kept_connection_that_the_server_has_closed_is_no_failure) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  stub.answer("POST", "data/x", "{\"id\": \"1\"}");
  const fault_proxy proxy(stub.port(), {{{}, faults::answer_then_close()}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), tokens_of(stub.issue()), quick());
    for (int i = 0; i < 20; ++i) {
      co_await studio.get("data/x");
      co_await studio.post("data/x");
      if (i % 4 == 0) co_await sleep_for(20ms);
    }
  });
  EXPECT_EQ(stub.count("POST", "data/x"), 20u);
}

TEST(kitsu_defects, D24_pages_instead_of_json_are_typed_errors_with_their_title) {
  kitsu_stub stub;
  const std::string page = "<html><head><title>Request Line is too large</title></head><body>x</body></html>";
  for (const int status : {400, 401, 403, 404, 413, 422, 500, 502}) {
    stub.answer("GET", "data/x", stub_answer{.status = status, .body = page, .content_type = "text/html"});
    const auto f = one_failure(stub.host(), tokens_of(stub.issue()), [](client& c) { return c.get("data/x"); });
    EXPECT_TRUE(f && f->status == status) << status;
    if (f) EXPECT_EQ(f->message, "Request Line is too large");
  }
  for (const std::string& body : {std::string(), std::string("nothing sensible"), std::string("{\"half\": "),
                                  std::string("[1]"), std::string("\xff\xfe"), std::string("null")}) {
    for (const int status : {400, 401, 403, 422, 500}) {
      stub.answer("GET", "data/x", stub_answer{.status = status, .body = body});
      const auto f = one_failure(stub.host(), tokens_of(stub.issue()), [](client& c) { return c.get("data/x"); });
      EXPECT_TRUE(f && f->status == status) << status << body;
    }
  }
}

TEST(kitsu_defects, D24_a_page_with_status_200_is_no_result) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  const fault_proxy proxy(stub.port(), {{{}, faults::login_page()}});
  const auto f = one_failure(host_of(proxy), tokens_of(stub.issue()), [](client& c) { return c.get("data/x"); });
  EXPECT_TRUE(f && f->why == failure::not_kitsu);
  if (f) EXPECT_NE(f->message.find("Sign in"), std::string::npos) << f->message;
}

TEST(kitsu_defects, D25_the_message_is_the_text_and_never_the_flag_beside_it) {
  kitsu_stub stub;
  const auto told = [&](std::string body) {
    stub.answer("POST", "data/x", stub_answer{.status = 400, .body = std::move(body)});
    const auto f = one_failure(stub.host(), tokens_of(stub.issue()), [](client& c) { return c.post("data/x"); });
    EXPECT_TRUE(f && f->why == failure::invalid);
    return f.value_or(failed_call{});
  };
  EXPECT_EQ(told(R"({"error": true, "message": "Name is taken"})").message, "Name is taken");
  EXPECT_EQ(told(R"({"error": "Wrong file", "message": null})").message, "Wrong file");
  EXPECT_EQ(told(R"({"msg": "Too late"})").message, "Too late");
  EXPECT_EQ(told(R"({"error": true})").message, "");
  const failed_call f =
      told(R"({"error": true, "message": "Validation error.", "data": {"errors": [)"
           R"({"field": "name", "message": "missing"}, {"field": "nb_frames", "message": "no number"}]}})");
  EXPECT_EQ(f.field_errors, (std::vector<kitsu::field_error>{{"name", "missing"}, {"nb_frames", "no number"}}));
  const std::string text = request_error(f).what();
  EXPECT_NE(text.find("nb_frames: no number"), std::string::npos) << text;
}

TEST(kitsu_defects, D27_what_the_server_says_is_kept) {
  kitsu_stub stub;
  const auto told = [&](int status, std::string body) {
    stub.answer("GET", "data/x", stub_answer{.status = status, .body = std::move(body)});
    const auto f = one_failure(stub.host(), tokens_of(stub.issue()), [](client& c) { return c.get("data/x"); });
    EXPECT_TRUE(f);
    return f.value_or(failed_call{});
  };
  const std::string setup = R"({"error": true, "message": "Two factor", "two_factor_authentication_required": true})";
  EXPECT_EQ(told(403, setup).why, failure::two_factor_setup_required);
  for (const int status : {403, 404, 500, 503}) {
    const std::string body = R"({"error": true, "message": "Only managers", "stacktrace": "line 7"})";
    const failed_call f = told(status, body);
    EXPECT_EQ(f.message, "Only managers");
    EXPECT_EQ(f.body, body);
    EXPECT_EQ(f.path, "data/x");
    EXPECT_EQ(f.method, "GET");
  }
  EXPECT_EQ(told(403, R"({"message": "no"})").why, failure::not_allowed);
  EXPECT_EQ(told(404, R"({"message": "no"})").why, failure::not_found);
}

TEST(kitsu_defects, D29_points_in_time_and_dates_go_out_as_the_server_reads_them) {
  kitsu_stub stub;
  stub.answer("GET", "data/events/last", "[]");
  stub.answer("PUT", "data/tasks/t1", "{\"id\": \"t1\"}");
  const std::chrono::sys_seconds when = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 3h + 4min + 5s;
  const std::chrono::year_month_day day = std::chrono::year(2026) / 1 / 2;
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), once());
    co_await studio.get("data/events/last", {{"after", when}, {"before", day}});
    co_await studio.update("tasks", "t1", {{"start_date", kitsu::timestamp(when)}, {"due_date", kitsu::date(day)}});
  });
  const auto events = stub.requests_to("GET", "data/events/last").at(0);
  EXPECT_EQ(events.parameter("after"), "2026-01-02T03:04:05");
  EXPECT_EQ(events.parameter("before"), "2026-01-02");
  EXPECT_EQ(stub.requests_to("PUT", "data/tasks/t1").at(0).body,
            R"({"start_date":"2026-01-02T03:04:05","due_date":"2026-01-02"})");
}

TEST(kitsu_defects, D38_the_proxy_of_a_studio_is_used_for_every_request) {
  std::mutex mutex;
  std::string seen;
  const fault_server proxy(fault_server::per_request([&](const std::string& head, wire& w) {
    {
      const std::lock_guard lock(mutex);
      seen = request_line(head);
    }
    w.answer(200, "[1]", "Content-Type: application/json\r\n");
  }));
  client_options options = once();
  options.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  options.allow_plain_http = true;
  // A name that does not exist: only the proxy can have been asked.
  const auto f = one_failure("http://kitsu.invalid/api", {"a", ""}, [](client& c) { return c.get("data/x"); }, options);
  EXPECT_FALSE(f) << f->message;
  EXPECT_EQ(seen, "GET http://kitsu.invalid/api/data/x");
}

TEST(kitsu_defects, D39_an_id_or_file_name_stays_one_segment_whatever_it_holds) {
  kitsu_stub stub;
  stub.file("data/attachment-files/a1/file/a%23b%3F%20100%25%2F%C3%A9.png", "right");
  const own_folder folder;
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), once());
    const auto got =
        co_await studio.download(kitsu::path("data/attachment-files", "a1", "file", "a#b? 100%/\xC3\xA9.png"),
                                 files::root::open(folder.path()), "got.png");
    EXPECT_EQ(got.file.bytes, 5u);
  });
  EXPECT_TRUE(holds(folder / "got.png", "right"));
  EXPECT_EQ(stub.requests().back().query, "");
}

} // namespace
} // namespace weir::kitsu::stubbed

// What an older client of the same API does wrong about lists, one test each: it fails where ours does so.
#include "kitsu/stub_fixture.hpp"

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>

namespace weir::kitsu::stubbed {
namespace {

std::vector<std::string> ids_of(const json::array& rows) {
  std::vector<std::string> ids;
  for (const json::value& row : rows) ids.push_back(json::string_or(row.as_object(), "id"));
  return ids;
}

std::vector<std::string> ids_of(const std::vector<fakes::stub_row>& rows) {
  std::vector<std::string> ids;
  for (const fakes::stub_row& row : rows) ids.push_back(row.id);
  return ids;
}

TEST(kitsu_defects, D10_pages_after_the_first_are_fetched_several_at_once_and_keep_their_order) {
  kitsu_stub stub;
  const auto rows = stub_rows(950);
  stub.list("tasks", rows);
  // Page 2 comes last: what arrives first is not what is first.
  fault_proxy proxy(stub.port(), {{{.path_regex = "[?&]page=2(&|$)"}, faults::delay(300ms)},
                                  {{.path_regex = "[?&]page=[3-5](&|$)"}, faults::delay(100ms)}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), tokens_of(stub.issue()), quick());
    const auto all = co_await studio.fetch_all("tasks", {}, {.page_size = 100, .max_parallel_pages = 4});
    EXPECT_EQ(ids_of(all), ids_of(rows));
  });
  EXPECT_EQ(proxy.count("data/tasks"), 10u);
  EXPECT_GE(proxy.max_in_flight(), 2u);
  EXPECT_LE(proxy.max_in_flight(), 4u);
}

TEST(kitsu_defects, D10_no_row_comes_twice_or_is_missed_where_rows_move_between_pages) {
  // Row 250 changes after page 1 was made, and becomes the first: all rows before it move on by one.
  for (const std::size_t moving_to : {std::size_t(0), std::size_t(449)}) {
    kitsu_stub stub;
    const auto rows = stub_rows(450);
    std::atomic<int> pages{0};
    stub.list("tasks", rows, [&](std::size_t page, std::vector<fakes::stub_row>& now) {
      if (page == 0 || ++pages != 2) return;
      const std::size_t from = moving_to == 0 ? 250 : 50;
      fakes::stub_row row = now[from];
      now.erase(now.begin() + static_cast<std::ptrdiff_t>(from));
      now.insert(now.begin() + static_cast<std::ptrdiff_t>(moving_to), row);
    });
    on_loop([&]() -> task<void> {
      client studio(stub.host(), tokens_of(stub.issue()), quick());
      auto ids = ids_of(co_await studio.fetch_all("tasks", {}, {.page_size = 100, .max_parallel_pages = 1}));
      std::sort(ids.begin(), ids.end());
      EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
      auto wanted = ids_of(rows);
      std::sort(wanted.begin(), wanted.end());
      EXPECT_EQ(ids, wanted) << moving_to;
    });
  }
}

TEST(kitsu_defects, D10_a_list_that_never_stands_still_is_read_a_bounded_number_of_times) {
  kitsu_stub stub;
  std::atomic<std::size_t> next{1000};
  stub.list("tasks", stub_rows(300), [&](std::size_t page, std::vector<fakes::stub_row>& now) {
    if (page == 0) return;
    std::rotate(now.begin(), now.begin() + 150, now.end());
    now.insert(now.begin(), stub_rows(1, "new-" + std::to_string(next++) + "-").front());
  });
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto ids = ids_of(co_await with_timeout(60s, studio.fetch_all("tasks", {}, {.page_size = 100})));
    for (const auto& row : stub_rows(300)) EXPECT_EQ(std::count(ids.begin(), ids.end(), row.id), 1) << row.id;
  });
  EXPECT_LE(stub.count("GET", "data/tasks"), 40u);
}

TEST(kitsu_defects, D10_a_list_that_cannot_be_had_whole_is_an_error_and_not_a_shorter_list) {
  kitsu_stub stub;
  // Two pages of the same two rows, of a list that has five, whatever is asked for.
  stub.answer("GET", "data/tasks", stub_function([](const stub_request&) -> stub_answer {
                return {.body =
                            R"({"data":[{"id":"a"},{"id":"b"}],"total":5,"nb_pages":2,"limit":2,"offset":0,"page":1})"};
              }));
  // Three rows of which the server counts five: nobody may see the others.
  stub.answer("GET", "data/persons", stub_function([](const stub_request&) -> stub_answer {
                return {.body = R"({"data":[{"id":"a"},{"id":"b"},{"id":"c"}],"total":5,"nb_pages":1,"limit":5})"};
              }));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto e = co_await end_of(studio.fetch_all("tasks"));
    EXPECT_EQ(e.code, errc::unavailable) << e.text;
    EXPECT_NE(e.text.find("2 of 5"), std::string::npos) << e.text;
    EXPECT_EQ((co_await studio.fetch_all("persons")).size(), 3u);
  });
  EXPECT_LE(stub.count("GET", "data/tasks"), 20u);
  EXPECT_EQ(stub.count("GET", "data/persons"), 2u);
}

TEST(kitsu_defects, D10_empty_lists_and_lists_of_one_page_take_one_request) {
  kitsu_stub stub;
  stub.list("none", {});
  stub.list("full", stub_rows(100));
  stub.list("more", stub_rows(101));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    EXPECT_EQ((co_await studio.fetch_all("none", {}, {.page_size = 100})).size(), 0u);
    EXPECT_EQ((co_await studio.fetch_all("full", {}, {.page_size = 100})).size(), 100u);
    EXPECT_EQ((co_await studio.fetch_all("more", {}, {.page_size = 100})).size(), 101u);
  });
  EXPECT_EQ(stub.count("GET", "data/none"), 1u);
  EXPECT_EQ(stub.count("GET", "data/full"), 1u);
  EXPECT_EQ(stub.count("GET", "data/more"), 2u);
}

TEST(kitsu_defects, D11_parameters_that_calls_share_are_not_changed) {
  kitsu_stub stub;
  stub.list("tasks", stub_rows(500));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const kitsu::query shared{{"project_id", "p1"}, {"limit", nullptr}};
    kitsu::query copy = shared;
    std::vector<task<json::array>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(studio.fetch_all("tasks", copy, {.page_size = 100}));
    for (const json::array& rows : co_await gather(std::move(calls))) EXPECT_EQ(rows.size(), 500u);
    co_await studio.fetch_first("tasks", copy);
    EXPECT_EQ(copy.encoded(), shared.encoded());
    EXPECT_EQ(copy.encoded(), "project_id=p1");
  });
  for (const auto& r : stub.requests()) EXPECT_EQ(r.parameter("project_id"), "p1");
}

TEST(kitsu_defects, D12_routes_that_answer_a_plain_list_are_fetched_as_well) {
  kitsu_stub stub;
  stub.answer("GET", "data/projects/open", R"([{"id": "p1", "name": "One"}, {"id": "p2", "name": "Two"}])");
  stub.answer("GET", "data/projects/p1/team", "[]");
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    EXPECT_EQ(ids_of(co_await studio.fetch_all("projects/open")), (std::vector<std::string>{"p1", "p2"}));
    EXPECT_TRUE((co_await studio.fetch_all("projects/p1/team")).empty());
    const auto first = co_await studio.fetch_first("projects/open");
    EXPECT_EQ(first ? json::string_or(*first, "id") : "", "p1");
    EXPECT_FALSE(co_await studio.fetch_first("projects/p1/team"));
  });
}

TEST(kitsu_defects, D13_the_first_row_alone_is_asked_for) {
  kitsu_stub stub;
  stub.list("tasks", stub_rows(10'000));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto first = co_await studio.fetch_first("tasks", {{"name", "Name 0"}});
    EXPECT_EQ(first ? json::string_or(*first, "id") : "", "row-0");
    EXPECT_LT(studio.statistics().bytes_received, 1000u);
  });
  EXPECT_EQ(stub.requests().size(), 1u);
  EXPECT_EQ(stub.requests()[0].parameter("page"), "1");
  EXPECT_EQ(stub.requests()[0].parameter("limit"), "1");
}

TEST(kitsu_defects, D13_a_name_that_only_looks_like_it_is_not_the_first_row) {
  kitsu_stub stub;
  stub.list("shots", {{"1", R"({"id": "1", "name": "SHA01"})"}, {"2", R"({"id": "2", "name": "sh_01"})"}});
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto first = co_await studio.fetch_first("shots", {{"name", "SH_01"}});
    EXPECT_EQ(first ? json::string_or(*first, "id") : "", "2");
    EXPECT_FALSE(co_await studio.fetch_first("shots", {{"name", "S%"}}));
  });
}

long peak_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  return 0;
}

TEST(kitsu_lists, two_hundred_megabytes_are_refused_by_the_limit_before_they_are_in_memory) {
  kitsu_stub stub;
  std::atomic<std::uint64_t> sent{0};
  stub.answer("GET", "data/projects/all", stub_function([&](const stub_request&) -> stub_answer {
                const std::string piece = "{\"id\": \"x\", \"data\": \"" + std::string(100'000, 'y') + "\"},";
                return {.body = "[", .more = [&sent, piece]() -> std::string {
                          sent += piece.size();
                          return sent < 200'000'000 ? piece : "";
                        }};
              }));
  const long before = peak_kilobytes();
  on_loop([&]() -> task<void> {
    client_options options = once();
    options.max_response_bytes = 10'000'000;
    client studio(stub.host(), tokens_of(stub.issue()), options);
    const auto e = co_await end_of(studio.fetch_all("projects/all"));
    EXPECT_EQ(e.code, errc::too_large) << e.text;
  });
  EXPECT_LT(sent, 150'000'000u);
  EXPECT_LT(peak_kilobytes() - before, 80'000);
}

/// Compact lines with the columns in any order.
std::string compact_lines(bool reordered) {
  return reordered
             ? R"({"compact": true, "task_fields": ["task_type_id", "id"], "shot_fields": ["tasks", "name", "id"]})"
               "\n"
               R"([[["tt1", "t1"], ["tt2", "t2"]], "SH01", "s1"])"
               "\n"
               R"([[], "SH02", "s2"])"
               "\n"
             : R"({"compact": true, "shot_fields": ["id", "name", "tasks"], "task_fields": ["id", "task_type_id"]})"
               "\n"
               R"(["s1", "SH01", [["t1", "tt1"], ["t2", "tt2"]]])"
               "\n"
               R"(["s2", "SH02", []])"
               "\n";
}

TEST(kitsu_lists, streamed_rows_are_read_by_the_names_of_their_columns) {
  std::vector<json::array> both;
  for (const bool reordered : {false, true}) {
    kitsu_stub stub;
    // In pieces of three bytes, so that lines and names are torn anywhere.
    stub.answer("GET", "data/shots/with-tasks", stub_function([&](const stub_request&) -> stub_answer {
                  auto left = std::make_shared<std::string>(compact_lines(reordered));
                  return {.content_type = "application/x-ndjson", .more = [left] {
                            const std::string piece = left->substr(0, 3);
                            left->erase(0, 3);
                            return piece;
                          }};
                }));
    both.push_back(on_loop([&]() -> task<json::array> {
      client studio(stub.host(), tokens_of(stub.issue()), quick());
      co_return co_await studio.shots_with_tasks("p1");
    }));
    EXPECT_EQ(stub.requests().back().parameter("stream"), "true");
    EXPECT_EQ(stub.requests().back().parameter("compact"), "true");
  }
  ASSERT_EQ(both[0].size(), 2u);
  EXPECT_EQ(json::value(both[0]), json::value(both[1]));
  const json::object& first = both[1][0].as_object();
  EXPECT_EQ(json::string_or(first, "name"), "SH01");
  EXPECT_EQ(json::string_or(first.at("tasks").as_array().at(1).as_object(), "task_type_id"), "tt2");
}

TEST(kitsu_lists, a_stream_that_breaks_off_is_an_error_and_not_a_shorter_list) {
  kitsu_stub stub;
  stub.answer("GET", "data/shots/with-tasks", stub_function([&](const stub_request&) -> stub_answer {
                auto given = std::make_shared<int>(0);
                return {.content_type = "application/x-ndjson",
                        .more = [given]() -> std::string { return (*given)++ == 0 ? compact_lines(false) : ""; },
                        .reset = true};
              }));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), once());
    const auto f = co_await failure_of(studio.shots_with_tasks("p1"));
    EXPECT_TRUE(f && f->why == failure::broken_off);
  });
}

} // namespace
} // namespace weir::kitsu::stubbed

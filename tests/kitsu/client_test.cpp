// What a client gives as described structs.
#include "kitsu/stub_fixture.hpp"

#include <atomic>
#include <thread>

namespace weir::kitsu::stubbed {
namespace {

struct task_row {
  std::string id;
  std::int64_t priority = 1;
  std::optional<std::string> due_date;

  static const json::description<task_row>& described() {
    static const json::description<task_row> d("A task.", [](auto& d) {
      d.field("id", &task_row::id, "Its id").required();
      d.field("priority", &task_row::priority, "0 to 3");
      d.field("due_date", &task_row::due_date, "When it is due");
    });
    return d;
  }
};

constexpr const char* two_tasks = R"([{"id":"a","name":"main","priority":3,"due_date":null,"data":{"id":"no"}},)"
                                  R"({"data":[{}],"due_date":"2026-01-02","priority":null,"id":"b"}])";

TEST(kitsu_client, gives_a_list_as_structs) {
  kitsu_stub stub;
  stub.answer("GET", "data/shots/s1/tasks", two_tasks);
  stub.answer("GET", "data/tasks/a", R"({"priority":2,"tasks":[{"id":"x"}],"id":"a"})");
  stub.answer("GET", "data/shots/s2/tasks", R"([{"id":7}])");
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto tasks = co_await studio.get_list<task_row>(path("data/shots", "s1", "tasks"));
    EXPECT_EQ(tasks.size(), 2u);
    if (tasks.size() != 2) co_return;
    EXPECT_EQ(tasks[0].id, "a");
    EXPECT_EQ(tasks[0].priority, 3);
    EXPECT_FALSE(tasks[0].due_date);
    EXPECT_EQ(tasks[1].id, "b");
    EXPECT_EQ(tasks[1].priority, 1);
    EXPECT_EQ(tasks[1].due_date, "2026-01-02");

    const auto one = co_await studio.get<task_row>(path("data/tasks", "a"));
    EXPECT_EQ(one.id, "a");
    EXPECT_EQ(one.priority, 2);

    const auto entry = co_await end_of(studio.get_list<task_row>(path("data/tasks", "a")));
    EXPECT_EQ(entry.code, errc::invalid_argument);
    EXPECT_NE(entry.text.find("no list but object"), std::string::npos) << entry.text;
    const auto wrong = co_await end_of(studio.get_list<task_row>(path("data/shots", "s2", "tasks")));
    EXPECT_EQ(wrong.code, errc::invalid_argument);
    EXPECT_NE(wrong.text.find("'id' must be a string"), std::string::npos) << wrong.text;
  });
}

TEST(kitsu_client, pages_of_structs_hold_each_row_once) {
  kitsu_stub stub;
  stub.list("tasks", stub_rows(250));
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto rows = co_await studio.fetch_all<task_row>("tasks", {}, {.page_size = 100});
    EXPECT_EQ(rows.size(), 250u);
    for (std::size_t n = 0; n < rows.size(); ++n) EXPECT_EQ(rows[n].id, "row-" + std::to_string(n));
  });
}

TEST(kitsu_client, calls_wait_for_their_turn_and_are_counted_when_they_start) {
  kitsu_stub stub;
  std::atomic<int> at_once{0}, most{0};
  stub.answer("GET", "data/slow", [&](const stub_request&) {
    most = std::max<int>(most, ++at_once);
    std::this_thread::sleep_for(10ms);
    --at_once;
    return stub_answer{.body = "[]"};
  });
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.max_calls = 2;
    client studio(stub.host(), tokens_of(stub.issue()), options);
    std::vector<task<json::value>> calls;
    for (int n = 0; n < 20; ++n) calls.push_back(studio.get("data/slow"));
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { co_await gather(std::move(calls)); });
      co_await sleep_for(5ms);
      const auto now = studio.statistics();
      EXPECT_EQ(now.calls, 20u);
      EXPECT_EQ(now.in_flight + now.waiting, 20u);
    });
    EXPECT_EQ(studio.statistics().in_flight, 0u);
  });
  EXPECT_LE(most, 2);
}

} // namespace
} // namespace weir::kitsu::stubbed

#include "jobs/helpers.hpp"

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/jobs/store.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <thread>

using namespace weir::jobs;
using namespace weir::jobs::testing;
using namespace std::chrono_literals;
using weir::errc;
using weir::task;

namespace {

task<std::unique_ptr<store>> open_store(const std::string& folder) {
  return store::open(weir::files::root::open(folder));
}

task<void> insert_only(store& s, std::string id) { co_await s.insert(make_job(id)); }

std::int64_t count_in_file(const std::string& folder, const std::string& sql) {
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open((folder + "/.weir/jobs.sqlite").c_str(), &db), SQLITE_OK);
  std::int64_t number = -1;
  EXPECT_EQ(sqlite3_exec(
                db, sql.c_str(),
                [](void* out, int, char** columns, char**) {
                  *static_cast<std::int64_t*>(out) = std::string_view(columns[0]) == "ok" ? 1 : std::atoll(columns[0]);
                  return 0;
                },
                &number, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
  return number;
}

TEST(store, round_trip) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    job j = make_job("a");
    j.remote_id = "r";
    j.idempotency_key = "k";
    const job inserted = co_await s->insert(j);
    EXPECT_EQ(inserted.revision, 1);
    EXPECT_EQ((co_await s->get("a"))->kind, "video");
    EXPECT_EQ((co_await s->find_remote("slate", "r"))->id, "a");
    EXPECT_EQ((co_await s->find_key("slate", "k"))->id, "a");
    EXPECT_FALSE((co_await s->get("b")).has_value());
    job changed = inserted;
    changed.status = job_status::queued;
    EXPECT_EQ((co_await s->update(changed)).revision, 2);
    EXPECT_EQ((co_await s->unfinished()).size(), 1u);
    EXPECT_EQ((co_await s->modify("a", [](job& x) { x.status = job_status::completed; })).revision, 3);
    EXPECT_EQ((co_await s->unfinished()).size(), 0u);
    EXPECT_EQ((co_await s->list({.statuses = {job_status::completed}})).size(), 1u);
    EXPECT_TRUE(co_await s->remove("a"));
    EXPECT_FALSE(co_await s->remove("a"));
  }(folder.path()));
  EXPECT_TRUE(std::filesystem::exists(folder.file(".weir/jobs.sqlite")));
  EXPECT_EQ(std::filesystem::status(folder.file(".weir")).permissions(), std::filesystem::perms::owner_all);
}

TEST(store, errors_come_through) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    errc code = errc::internal;
    try {
      co_await s->insert(make_job("a"));
    } catch (const weir::error& e) {
      code = e.code();
    }
    EXPECT_EQ(code, errc::already_exists);
    std::string text;
    try {
      co_await s->modify("a", [](job&) { throw std::runtime_error("not now"); });
    } catch (const std::exception& e) {
      text = e.what();
    }
    EXPECT_EQ(text, "not now");
    EXPECT_EQ((co_await s->get("a"))->revision, 1);
  }(folder.path()));
}

TEST(store, a_hundred_tasks_at_once) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("counter"));
    const auto work = [](store& to, int i) -> task<void> {
      co_await to.insert(make_job("job" + std::to_string(i)));
      for (int n = 0; n < 5; ++n) co_await to.modify("counter", [](job& j) { ++j.attempts; });
      const auto mine = co_await to.get("job" + std::to_string(i));
      EXPECT_TRUE(mine.has_value());
    };
    std::vector<task<void>> all;
    for (int i = 0; i < 100; ++i) all.push_back(work(*s, i));
    co_await weir::gather(std::move(all));
    EXPECT_EQ((co_await s->list({.limit = 1000})).size(), 101u);
    EXPECT_EQ((co_await s->get("counter"))->attempts, 500);
  }(folder.path()));
}

TEST(store, the_loop_answers_while_the_table_is_busy) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    std::promise<void> release;
    auto released = release.get_future();
    const auto slow = [&]() -> task<void> { co_await s->modify("a", [&](job&) { released.wait(); }); };
    const auto ticking = [&]() -> task<int> {
      int ticks = 0;
      for (; ticks < 20; ++ticks) co_await weir::sleep_for(1ms);
      release.set_value();
      co_return ticks;
    };
    const auto [none, ticks] = co_await weir::gather(slow(), ticking());
    EXPECT_EQ(ticks, 20);
  }(folder.path()));
}

TEST(store, a_call_cancelled_before_its_turn_never_happens) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    std::promise<void> release;
    auto released = release.get_future();
    std::atomic<bool> held = false;
    co_await weir::with_task_group([&](weir::task_group& g) -> task<void> {
      g.spawn([&]() -> task<void> {
        co_await s->modify("a", [&](job&) {
          held = true;
          released.wait();
        });
      });
      while (!held) co_await weir::sleep_for(1ms);
      bool timed_out = false;
      try {
        co_await weir::with_timeout(30ms, insert_only(*s, "late"));
      } catch (const weir::error& e) {
        timed_out = e.code() == errc::timeout;
      }
      EXPECT_TRUE(timed_out);
      EXPECT_FALSE(released.wait_for(0s) == std::future_status::ready) << "it did not wait for the one before it";
      release.set_value();
    });
    EXPECT_FALSE((co_await s->get("late")).has_value());
  }(folder.path()));
}

TEST(store, a_call_cancelled_while_another_carries_it_is_awaited) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    std::promise<void> first, second;
    auto first_released = first.get_future(), second_released = second.get_future();
    std::atomic<bool> first_held = false, second_held = false;
    bool passenger_left = false;
    co_await weir::with_task_group([&](weir::task_group& g) -> task<void> {
      g.spawn(
          [&]() -> task<void> { co_await s->modify("a", [&](job&) { first_held = true, first_released.wait(); }); });
      while (!first_held) co_await weir::sleep_for(1ms);
      // These two wait; the earlier one will carry the later one in its transaction.
      g.spawn(
          [&]() -> task<void> { co_await s->modify("a", [&](job&) { second_held = true, second_released.wait(); }); });
      auto passenger = g.spawn([&]() -> task<void> {
        const std::string in_this_frame(100, 'x');
        struct leaving {
          bool& flag;
          ~leaving() { flag = true; }
        } on_exit{passenger_left};
        co_await s->modify("a", [&](job& j) { j.error_message = in_this_frame; });
      });
      co_await weir::sleep_for(20ms);
      first.set_value();
      while (!second_held) co_await weir::sleep_for(1ms);
      passenger.cancel();
      co_await weir::sleep_for(30ms);
      EXPECT_FALSE(passenger_left) << "its frame is still in use";
      second.set_value();
    });
    EXPECT_TRUE(passenger_left);
    EXPECT_EQ((co_await s->get("a"))->error_message, std::string(100, 'x'));
  }(folder.path()));
}

TEST(store, waiters_hear_of_every_change) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    co_await s->insert(make_job("other"));
    EXPECT_EQ((co_await s->wait_changed("a", 0)).revision, 1) << "at once, it is newer than what was seen";
    const auto change = [&]() -> task<void> {
      for (int i = 1; i <= 50; ++i) {
        if (i % 7 == 0) co_await weir::sleep_for(1ms);
        co_await s->modify("other", [](job& j) { ++j.attempts; });
        co_await s->modify("a", [i](job& j) {
          j.progress = 2 * i;
          if (i == 50) j.status = job_status::completed;
        });
      }
    };
    const auto watch = [&]() -> task<int> { co_return (co_await s->wait_finished("a")).progress; };
    std::vector<task<int>> watchers;
    for (int i = 0; i < 10; ++i) watchers.push_back(watch());
    const auto [progress, none] =
        co_await weir::with_timeout(60s, weir::gather(weir::gather(std::move(watchers)), change()));
    EXPECT_EQ(progress, std::vector<int>(10, 100));
  }(folder.path()));
}

TEST(store, waiting_ends_with_the_job_or_the_waiter) {
  temp_folder folder;
  weir::run([](std::string path) -> task<void> {
    auto s = co_await open_store(path);
    co_await s->insert(make_job("a"));
    bool timed_out = false;
    try {
      co_await weir::with_timeout(20ms, s->wait_changed("a", 1));
    } catch (const weir::error& e) {
      timed_out = e.code() == errc::timeout;
    }
    EXPECT_TRUE(timed_out) << "nothing changed";
    const auto wait = [&]() -> task<errc> {
      try {
        co_await s->wait_changed("a", 1);
      } catch (const weir::error& e) {
        co_return e.code();
      }
      co_return errc::internal;
    };
    const auto remove = [&]() -> task<void> {
      co_await weir::sleep_for(5ms);
      co_await s->remove("a");
    };
    const auto [code, none] = co_await weir::with_timeout(60s, weir::gather(wait(), remove()));
    EXPECT_EQ(code, errc::not_found);
    EXPECT_EQ(co_await wait(), errc::not_found) << "a job that never was";
  }(folder.path()));
}

TEST(store, DISABLED_child_that_inserts_until_killed) {
  weir::run([]() -> task<void> {
    auto s = co_await open_store(std::getenv("WEIR_TEST_FOLDER"));
    const auto insert_forever = [](store& to, int worker) -> task<void> {
      for (int i = 0;; ++i) {
        const std::string id = std::to_string(worker) + "." + std::to_string(i);
        co_await to.insert(make_job(id));
        const std::string line = id + "\n";
        if (write(3, line.data(), line.size()) != static_cast<ssize_t>(line.size())) co_return;
      }
    };
    std::vector<task<void>> all;
    for (int i = 0; i < 8; ++i) all.push_back(insert_forever(*s, i));
    co_await weir::gather(std::move(all));
  }());
}

TEST(processes, what_was_acknowledged_survives_a_kill) {
  std::signal(SIGPIPE, SIG_IGN);
  for (int round = 0; round < 4; ++round) {
    temp_folder folder;
    std::string acknowledged;
    {
      child c("store.DISABLED_child_that_inserts_until_killed", folder.path(), "");
      const std::size_t enough = 500 + 700 * static_cast<std::size_t>(round);
      char buffer[4096];
      ssize_t got = 1;
      while (acknowledged.size() < enough && (got = read(c.output.get(), buffer, sizeof buffer)) > 0)
        acknowledged.append(buffer, static_cast<std::size_t>(got));
      const int status = c.end(SIGKILL);
      ASSERT_TRUE(WIFSIGNALED(status)) << "it had ended by itself";
      while ((got = read(c.output.get(), buffer, sizeof buffer)) > 0)
        acknowledged.append(buffer, static_cast<std::size_t>(got));
    }
    std::set<std::string> there;
    weir::run([](std::string path, std::set<std::string>& ids) -> task<void> {
      auto s = co_await open_store(path);
      for (const auto& j : co_await s->list({.limit = 10'000})) ids.insert(j.id);
    }(folder.path(), there));
    std::size_t lines = 0;
    for (std::size_t start = 0, end; (end = acknowledged.find('\n', start)) != std::string::npos; start = end + 1) {
      ++lines;
      EXPECT_TRUE(there.contains(acknowledged.substr(start, end - start))) << acknowledged.substr(start, end - start);
    }
    EXPECT_GT(lines, 50u);
    EXPECT_EQ(count_in_file(folder.path(), "PRAGMA integrity_check"), 1);
  }
}

TEST(store, DISABLED_child_that_shares_the_table) {
  weir::run([]() -> task<void> {
    auto s = co_await open_store(std::getenv("WEIR_TEST_FOLDER"));
    const std::string name = std::getenv("WEIR_TEST_NAME");
    try {
      co_await s->insert(make_job("counter"));
    } catch (const weir::error& e) {
      if (e.code() != errc::already_exists) throw;
    }
    for (int i = 0; i < 30; ++i) {
      co_await s->insert(make_job(name + std::to_string(i)));
      co_await s->modify("counter", [](job& j) { ++j.attempts; });
    }
  }());
}

TEST(processes, several_use_one_table) {
  temp_folder folder;
  {
    std::vector<std::unique_ptr<child>> children;
    for (const std::string name : {"a", "b", "c", "d", "e", "f"})
      children.push_back(std::make_unique<child>("store.DISABLED_child_that_shares_the_table", folder.path(), name));
    for (auto& c : children) EXPECT_EQ(c->end(), 0);
  }
  EXPECT_EQ(count_in_file(folder.path(), "SELECT attempts FROM jobs WHERE id = 'counter'"), 180);
  EXPECT_EQ(count_in_file(folder.path(), "SELECT count(*) FROM jobs"), 181);
  EXPECT_EQ(count_in_file(folder.path(), "PRAGMA integrity_check"), 1);
}

} // namespace

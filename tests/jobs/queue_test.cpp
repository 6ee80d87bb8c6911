#include "jobs/helpers.hpp"
#include "jobs/queue.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

using namespace weir::jobs;
using namespace weir::jobs::testing;
using weir::jobs::detail::database;
using weir::jobs::detail::request;
using weir::jobs::detail::request_queue;

namespace {

std::shared_ptr<request> inserting(const std::string& id) {
  auto r = std::make_shared<request>();
  r->writes = true;
  r->changes = id;
  r->work = [id](database& db) { db.insert(make_job(id)); };
  return r;
}

std::string text_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  }
}

struct queue_test : ::testing::Test {
  temp_folder folder;
  request_queue queue{std::make_unique<database>(folder.open().get())};
  int commits = 0;

  void SetUp() override {
    sqlite3_commit_hook(
        queue.base().base().handle(), [](void* count) { return ++*static_cast<int*>(count), 0; }, &commits);
  }
};

TEST_F(queue_test, everything_that_waits_shares_one_transaction) {
  std::vector<std::shared_ptr<request>> all;
  for (int i = 0; i < 100; ++i) queue.push(all.emplace_back(inserting("job" + std::to_string(i))));
  queue.run(all.front());
  for (const auto& r : all) {
    EXPECT_TRUE(r->done);
    EXPECT_FALSE(r->failure);
  }
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(queue.base().list({}).size(), 100u);
  EXPECT_EQ(queue.take_changed().size(), 100u);
  EXPECT_TRUE(queue.take_changed().empty());
}

TEST_F(queue_test, a_request_fails_alone) {
  const auto a = inserting("a"), twice = inserting("a"), b = inserting("b");
  for (const auto& r : {a, twice, b}) queue.push(r);
  queue.run(b);
  EXPECT_FALSE(a->failure);
  EXPECT_EQ(text_of(twice->failure), "a job is already called 'a'");
  EXPECT_FALSE(b->failure);
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(queue.take_changed(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(queue.base().list({}).size(), 2u);
}

TEST_F(queue_test, what_a_failing_request_did_is_undone) {
  auto half = inserting("half");
  half->work = [](database& db) {
    db.insert(make_job("half"));
    throw std::runtime_error("second thoughts");
  };
  const auto whole = inserting("whole");
  queue.push(half);
  queue.push(whole);
  queue.run(whole);
  EXPECT_EQ(text_of(half->failure), "second thoughts");
  EXPECT_FALSE(queue.base().get("half"));
  EXPECT_TRUE(queue.base().get("whole"));
}

TEST_F(queue_test, when_the_disk_is_full_everybody_hears_of_it) {
  auto big = inserting("big");
  big->work = [](database& db) {
    job j = make_job("big");
    j.request = std::string(1'000'000, 'x');
    db.insert(j);
  };
  queue.base().base().execute("PRAGMA max_page_count = 30");
  const auto small = inserting("small");
  queue.push(small);
  queue.push(big);
  queue.run(big);
  const bool small_is_there = queue.base().get("small").has_value();
  EXPECT_TRUE(big->failure);
  EXPECT_EQ(small_is_there, !small->failure) << "acknowledged exactly if it is there";
  if (small->failure) EXPECT_NE(text_of(small->failure).find("full"), std::string::npos) << text_of(small->failure);
  const auto later = inserting("later");
  queue.push(later);
  queue.run(later);
  EXPECT_FALSE(later->failure);
}

TEST_F(queue_test, a_commit_that_fails_fails_all) {
  sqlite3_commit_hook(queue.base().base().handle(), [](void*) { return 1; }, nullptr); // turns COMMIT into ROLLBACK
  const auto a = inserting("a"), twice = inserting("a");
  queue.push(a);
  queue.push(twice);
  queue.run(a);
  EXPECT_TRUE(a->failure);
  EXPECT_EQ(text_of(twice->failure), "a job is already called 'a'") << "keeps its own reason";
  EXPECT_TRUE(queue.take_changed().empty());
  EXPECT_FALSE(queue.base().get("a"));
}

TEST_F(queue_test, reading_begins_no_transaction) {
  auto read = std::make_shared<request>();
  std::size_t found = 7;
  read->work = [&](database& db) { found = db.list({}).size(); };
  queue.push(read);
  queue.run(read);
  EXPECT_EQ(found, 0u);
  EXPECT_EQ(commits, 0);
}

TEST_F(queue_test, a_withdrawn_request_never_runs) {
  const auto a = inserting("a"), b = inserting("b");
  queue.push(a);
  queue.push(b);
  EXPECT_TRUE(queue.withdraw(a));
  queue.run(b);
  EXPECT_FALSE(a->done);
  EXPECT_FALSE(queue.base().get("a"));
  EXPECT_FALSE(queue.withdraw(b));
}

} // namespace

#include "jobs/database.hpp"
#include "jobs/helpers.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>

using namespace weir::jobs;
using namespace weir::jobs::testing;
using weir::errc;
using weir::jobs::detail::database;

namespace {

/// Returns the error that `f` ends with, or an `internal` one that says that there was none.
template <class F>
weir::error error_of(F&& f) {
  try {
    f();
  } catch (const weir::error& e) {
    return e;
  }
  return {errc::internal, "no error"};
}

weir::error open_error(const temp_folder& folder) {
  return error_of([&] { database db(folder.open().get()); });
}

/// Runs `sql` on the file as another program would.
void foreign_sql(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

void expect_equal(const job& a, const job& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.provider, b.provider);
  EXPECT_EQ(a.operation, b.operation);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.progress, b.progress);
  EXPECT_EQ(a.remote_id, b.remote_id);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.result, b.result);
  EXPECT_EQ(a.error_code, b.error_code);
  EXPECT_EQ(a.error_message, b.error_message);
  EXPECT_EQ(a.idempotency_key, b.idempotency_key);
  EXPECT_EQ(a.folder, b.folder);
  EXPECT_EQ(a.destination, b.destination);
  EXPECT_EQ(a.recovered, b.recovered);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.updated_at, b.updated_at);
  EXPECT_EQ(a.expires_at, b.expires_at);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.revision, b.revision);
}

job full_job() {
  job j;
  j.id = "video_\xC3\xA9 '; DROP TABLE jobs; --";
  j.kind = "video";
  j.provider = "openai";
  j.operation = "remix";
  j.status = job_status::in_progress;
  j.progress = 73;
  j.remote_id = "remote";
  j.request = weir::json::parse(R"({"prompt":"a\nb","size":[1280,720],"weight":0.1,"none":null})");
  j.result = weir::json::parse(R"(["x",{"y":1e300}])");
  j.error_code = "moderation";
  j.error_message = std::string("with a NUL \0 inside", 19);
  j.idempotency_key = "key-1";
  j.folder = "videos";
  j.destination = "clip.mp4";
  j.recovered = "clip (1).mp4";
  j.expires_at = 4'000'000'000;
  j.attempts = 3;
  return j;
}

TEST(database, every_field_comes_back) {
  temp_folder folder;
  const job written = [&] {
    database db(folder.open().get());
    return db.insert(full_job());
  }();
  EXPECT_EQ(written.revision, 1);
  EXPECT_GT(written.created_at, 1'700'000'000);
  database again(folder.open().get());
  const auto read = again.get(written.id);
  ASSERT_TRUE(read);
  expect_equal(*read, written);
  EXPECT_EQ(read->error_message.size(), 19u);
  expect_equal(*again.find_remote("openai", "remote"), written);
  expect_equal(*again.find_key("openai", "key-1"), written);
  EXPECT_FALSE(again.find_remote("slate", "remote"));
  EXPECT_FALSE(again.find_key("openai", ""));
  EXPECT_FALSE(again.get("other"));
}

TEST(database, update_writes_all_but_the_time_of_creation) {
  temp_folder folder;
  database db(folder.open().get());
  const job first = db.insert(make_job("a"));
  job changed = full_job();
  changed.id = "a";
  changed.created_at = 5;
  const job second = db.update(changed);
  EXPECT_EQ(second.created_at, first.created_at);
  EXPECT_EQ(second.revision, 2);
  expect_equal(*db.get("a"), second);
  EXPECT_EQ(error_of([&] { db.update(make_job("b")); }).code(), errc::not_found);
}

TEST(database, ids_and_purchases_are_unique) {
  temp_folder folder;
  database db(folder.open().get());
  job j = make_job("a");
  j.idempotency_key = "key";
  db.insert(j);
  auto e = error_of([&] { db.insert(make_job("a")); });
  EXPECT_EQ(e.code(), errc::already_exists);
  EXPECT_STREQ(e.what(), "a job is already called 'a'");
  j.id = "b";
  e = error_of([&] { db.insert(j); });
  EXPECT_EQ(e.code(), errc::already_exists);
  EXPECT_NE(std::string(e.what()).find("already has this idempotency key"), std::string::npos) << e.what();
  j.provider = "openai";
  EXPECT_NO_THROW(db.insert(j)) << "another provider counts its own keys";
  EXPECT_NO_THROW(db.insert(make_job("c"))) << "no key is no purchase";
  EXPECT_NO_THROW(db.insert(make_job("d")));
}

TEST(database, bad_values_are_refused) {
  temp_folder folder;
  database db(folder.open().get());
  for (const auto& id : {std::string(), std::string(257, 'x'), std::string("a\0b", 3)})
    EXPECT_EQ(error_of([&] { db.insert(make_job(id)); }).code(), errc::invalid_argument);
  for (const int progress : {-1, 101}) {
    job j = make_job("p");
    j.progress = progress;
    EXPECT_EQ(error_of([&] { db.insert(j); }).code(), errc::invalid_argument);
  }
  job j = make_job("n");
  j.result = std::nan("");
  EXPECT_EQ(error_of([&] { db.insert(j); }).code(), errc::invalid_argument);
  EXPECT_TRUE(db.list({}).empty());
}

TEST(database, modify_reads_changes_and_writes) {
  temp_folder folder;
  database db(folder.open().get());
  db.insert(make_job("a"));
  detail::transaction t(db.base());
  EXPECT_EQ(db.modify("a", [](job& j) { j.progress = 40; }).progress, 40);
  EXPECT_EQ(error_of([&] { db.modify("a", [](job& j) { j.id = "b"; }); }).code(), errc::invalid_argument);
  EXPECT_EQ(error_of([&] { db.modify("b", [](job&) {}); }).code(), errc::not_found);
  EXPECT_THROW(db.modify("a",
                         [](job& j) {
                           j.progress = 50;
                           throw std::logic_error("no");
                         }),
               std::logic_error);
  t.commit();
  EXPECT_EQ(db.get("a")->progress, 40);
}

TEST(database, lists_page_by_page) {
  temp_folder folder;
  database db(folder.open().get());
  for (int i = 0; i < 25; ++i) {
    job j = make_job("job" + std::to_string(i));
    j.kind = i % 2 ? "image" : "video";
    j.provider = i % 5 ? "slate" : "openai";
    j.status = i % 3 ? job_status::queued : job_status::completed;
    db.insert(j);
  }
  std::vector<std::string> seen;
  filter page{.limit = 10};
  for (;;) {
    const auto jobs = db.list(page);
    if (jobs.empty()) break;
    for (const auto& j : jobs) seen.push_back(j.id);
    page.after = jobs.back().id;
    if (seen.size() == 10) db.insert(make_job("newcomer")), db.remove("job24");
  }
  ASSERT_EQ(seen.size(), 25u);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], "job" + std::to_string(24 - i));

  EXPECT_EQ(db.list({.limit = 2, .order = job_order::oldest_first}).at(1).id, "job1");
  EXPECT_EQ(db.list({.after = "job1", .order = job_order::oldest_first}).at(0).id, "job2");
  EXPECT_EQ(db.list({.kind = "image"}).size(), 12u);
  EXPECT_EQ(db.list({.provider = "openai"}).size(), 5u);
  EXPECT_EQ(db.list({.statuses = {job_status::completed}}).size(), 8u);
  EXPECT_EQ(db.list({.kind = "video", .statuses = {job_status::completed, job_status::failed}}).size(), 4u);
  EXPECT_EQ(db.list({.limit = 0}).size(), 0u);
  EXPECT_EQ(error_of([&] { db.list({.after = "none"}); }).code(), errc::not_found);
}

TEST(database, unfinished_jobs) {
  temp_folder folder;
  database db(folder.open().get());
  for (const std::string name :
       {"reserved", "submitting", "queued", "in_progress", "completed", "failed", "cancelled", "unknown_outcome"}) {
    job j = make_job(name);
    j.status = job_status_from(name);
    db.insert(j);
  }
  std::string names;
  for (const auto& j : db.unfinished()) names += j.id + " ";
  EXPECT_EQ(names, "reserved submitting queued in_progress ");
}

TEST(database, remove) {
  temp_folder folder;
  database db(folder.open().get());
  db.insert(make_job("a"));
  EXPECT_TRUE(db.remove("a"));
  EXPECT_FALSE(db.remove("a"));
  EXPECT_FALSE(db.get("a"));
}

TEST(opening, makes_a_private_file_that_flushes_every_commit) {
  temp_folder folder;
  database db(folder.open().get());
  struct stat info;
  ASSERT_EQ(stat(folder.file("jobs.sqlite").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(db.base().query_number("PRAGMA synchronous"), 2) << "FULL";
  detail::statement mode(db.base(), "PRAGMA journal_mode");
  ASSERT_TRUE(mode.step());
  EXPECT_EQ(mode.text(0), "wal");
}

TEST(opening, refuses_what_is_no_database_and_leaves_it) {
  temp_folder folder;
  const std::string bytes =
      "This is somebody's letter, and it is long enough to have a header." + std::string(500, '.');
  write_file(folder.file("jobs.sqlite"), bytes);
  const auto e = open_error(folder);
  EXPECT_EQ(e.code(), errc::corrupt);
  EXPECT_NE(std::string(e.what()).find("left as it is"), std::string::npos) << e.what();
  EXPECT_EQ(std::string(e.what()).find(folder.path()), std::string::npos) << "no server path: " << e.what();
  EXPECT_EQ(read_file(folder.file("jobs.sqlite")), bytes);
}

TEST(opening, a_damaged_table_is_corrupt_not_empty) {
  temp_folder folder;
  {
    database db(folder.open().get());
    for (int i = 0; i < 200; ++i) {
      job j = make_job("job" + std::to_string(i));
      j.request = std::string(500, 'x');
      db.insert(j);
    }
    db.base().checkpoint();
  }
  const auto path = folder.file("jobs.sqlite");
  std::string bytes = read_file(path);
  ASSERT_GT(bytes.size(), 100'000u);
  for (std::size_t i = 4096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  std::filesystem::remove(path + "-wal");
  write_file(path, bytes);
  const auto e = error_of([&] {
    database db(folder.open().get());
    db.list({});
  });
  EXPECT_EQ(e.code(), errc::corrupt) << e.what();
  EXPECT_EQ(read_file(path), bytes);
}

TEST(opening, a_row_that_somebody_spoilt_is_named) {
  temp_folder folder;
  database db(folder.open().get());
  db.insert(make_job("good"));
  db.insert(make_job("bad"));
  foreign_sql(folder.file("jobs.sqlite"), "UPDATE jobs SET request = '{' WHERE id = 'bad'");
  EXPECT_TRUE(db.get("good"));
  const auto e = error_of([&] { db.get("bad"); });
  EXPECT_EQ(e.code(), errc::corrupt);
  EXPECT_NE(std::string(e.what()).find("job 'bad' is damaged"), std::string::npos) << e.what();
}

TEST(opening, refuses_another_programs_database) {
  temp_folder folder;
  foreign_sql(folder.file("jobs.sqlite"), "CREATE TABLE bookmarks (url TEXT)");
  const std::string before = read_file(folder.file("jobs.sqlite"));
  EXPECT_EQ(open_error(folder).code(), errc::corrupt);
  EXPECT_NE(std::string(open_error(folder).what()).find("belongs to another program"), std::string::npos);
  EXPECT_EQ(read_file(folder.file("jobs.sqlite")), before);
}

TEST(opening, refuses_a_newer_version) {
  temp_folder folder;
  { database db(folder.open().get()); }
  foreign_sql(folder.file("jobs.sqlite"), "PRAGMA user_version = 99");
  const auto e = open_error(folder);
  EXPECT_EQ(e.code(), errc::unsupported);
  EXPECT_NE(std::string(e.what()).find("version 99"), std::string::npos) << e.what();
}

TEST(opening, migrates_step_by_step_and_keeps_the_rows) {
  temp_folder folder;
  {
    database db(folder.open().get());
    db.insert(full_job());
  }
  std::vector<const char*> steps(detail::schema_steps().begin(), detail::schema_steps().end());
  steps.push_back("ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
  {
    auto c = detail::open_table(folder.open().get(), steps);
    EXPECT_EQ(c.query_number("PRAGMA user_version"), static_cast<std::int64_t>(steps.size()));
    EXPECT_EQ(c.query_number("SELECT count(*) FROM jobs WHERE colour = 'red' AND attempts = 3"), 1);
  }
  EXPECT_EQ(open_error(folder).code(), errc::unsupported) << "the older program refuses the newer table";
  steps.push_back("ALTER TABLE jobs ADD COLUMN size INTEGER; ALTER TABLE none ADD COLUMN x");
  EXPECT_EQ(error_of([&] { detail::open_table(folder.open().get(), steps); }).code(), errc::internal);
  steps.pop_back();
  auto c = detail::open_table(folder.open().get(), steps);
  EXPECT_EQ(c.query_number("SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'size'"), 0)
      << "a step that fails is undone";
}

TEST(opening, follows_no_link_and_opens_only_plain_files) {
  temp_folder folder, elsewhere;
  { database db(elsewhere.open().get()); }
  const auto name = folder.file("jobs.sqlite"), target = elsewhere.file("jobs.sqlite");
  const auto expect_refused = [&] {
    EXPECT_EQ(open_error(folder).code(), errc::invalid_argument) << open_error(folder).what();
    std::filesystem::remove(name);
  };
  ASSERT_EQ(symlink(target.c_str(), name.c_str()), 0);
  expect_refused();
  ASSERT_EQ(symlink(folder.file("nowhere").c_str(), name.c_str()), 0);
  expect_refused();
  EXPECT_FALSE(std::filesystem::exists(folder.file("nowhere")));
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  expect_refused();
  ASSERT_EQ(mkdir(name.c_str(), 0700), 0);
  expect_refused();
  ASSERT_EQ(link(target.c_str(), name.c_str()), 0);
  expect_refused();
  ASSERT_EQ(symlink(target.c_str(), (name + "-wal").c_str()), 0);
  const std::string before = read_file(target);
  EXPECT_THROW(database(folder.open().get()), weir::error) << "nor at the names that SQLite itself opens";
  EXPECT_EQ(read_file(target), before);
}

TEST(failures, a_full_table_changes_nothing_and_says_so) {
  temp_folder folder;
  database db(folder.open().get());
  db.insert(make_job("before"));
  db.base().execute("PRAGMA max_page_count = 30");
  job big = make_job("big");
  big.request = std::string(1'000'000, 'x');
  const auto e = error_of([&] { db.insert(big); });
  EXPECT_EQ(e.code(), errc::no_space);
  EXPECT_NE(std::string(e.what()).find("nothing was changed"), std::string::npos) << e.what();
  EXPECT_EQ(db.list({}).size(), 1u);
  EXPECT_NO_THROW(db.insert(make_job("after")));
}

TEST(failures, a_write_that_the_system_refuses_is_a_full_disk) {
  temp_folder folder;
  database db(folder.open().get());
  db.insert(make_job("before"));
  job big = make_job("big");
  big.request = std::string(4'000'000, 'x');
  // A limit on the size of files is the one kind of "no space" that a test can make without a disk of its own.
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1'000'000, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto e = error_of([&] { db.insert(big); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(e.code(), errc::no_space) << e.what();
  EXPECT_EQ(db.list({}).size(), 1u);
  EXPECT_NO_THROW(db.insert(big));
}

TEST(failures, a_table_that_another_holds_too_long_is_unavailable) {
  temp_folder folder;
  database mine(folder.open().get()), theirs(folder.open().get());
  mine.insert(make_job("a"));
  mine.base().execute("PRAGMA busy_timeout = 20");
  {
    detail::transaction t(theirs.base()); // has written nothing yet, and keeps others out all the same
    const auto e = error_of([&] { detail::transaction u(mine.base()); });
    EXPECT_EQ(e.code(), errc::unavailable);
    EXPECT_NE(std::string(e.what()).find("another process holds it"), std::string::npos) << e.what();
    EXPECT_TRUE(mine.get("a")) << "reading needs nobody's leave";
  }
  EXPECT_NO_THROW(mine.insert(make_job("b")));
}

TEST(failures, DISABLED_child_without_rights) {
  const std::string path = std::getenv("WEIR_TEST_FOLDER");
  if (geteuid() == 0) {
    ASSERT_EQ(setgid(65534), 0);
    ASSERT_EQ(setuid(65534), 0);
  }
  const weir::unique_fd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY));
  const auto e = error_of([&] {
    database db(folder.get());
    db.insert(make_job("a"));
  });
  EXPECT_EQ(e.code(), errc::permission_denied) << e.what();
}

TEST(failures, a_table_that_may_not_be_written_is_refused) {
  temp_folder folder;
  { database db(folder.open().get()); }
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) chmod(file.path().c_str(), 0444);
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  child c("failures.DISABLED_child_without_rights", folder.path(), "");
  EXPECT_EQ(c.end(), 0);
  temp_folder empty;
  ASSERT_EQ(chmod(empty.path().c_str(), 0555), 0);
  child d("failures.DISABLED_child_without_rights", empty.path(), "");
  EXPECT_EQ(d.end(), 0);
}

} // namespace

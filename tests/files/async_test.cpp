#include "support.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/files/async.hpp>

#include <sys/stat.h>

namespace weir::files {

using test::get;
using test::names_in;
using test::place;
using test::put;
using namespace std::chrono_literals;

TEST(Async, WritesReadsListsAndRemoves) {
  const place here;
  run([](root in) -> task<void> {
    const published first = co_await write_file(in, "a.txt", std::string(3 << 20, 'x'));
    EXPECT_EQ(first.name, "a.txt");
    const published second = co_await write_file(in, "a.txt", "");
    EXPECT_EQ(second.name, "a_2.txt");
    EXPECT_EQ((co_await read_file(in, "a.txt", 4 << 20)).size(), std::size_t{3} << 20);
    const std::vector<entry> found =
        co_await list_files(in, {.sort_by = sort_by::size, .order = sort_order::descending});
    EXPECT_EQ(found.size(), 2U);
    EXPECT_EQ(found.at(0).name, "a.txt");
    EXPECT_EQ((co_await stat_file(in, "a_2.txt")).size_bytes, 0U);
    co_await remove_file(in, "a_2.txt");
    for (const errc code : {errc::not_found, errc::too_large, errc::invalid_argument}) {
      try {
        co_await read_file(in, code == errc::not_found ? "a_2.txt" : code == errc::too_large ? "a.txt" : "../a", 1000);
        ADD_FAILURE() << to_string(code);
      } catch (const error& e) {
        EXPECT_EQ(e.code(), code) << e.what();
      }
    }
  }(here.open()));
  EXPECT_EQ(names_in(here.media()), std::vector<std::string>{"a.txt"});
}

TEST(Async, SixtyFourTasksOneNameGiveSixtyFourFiles) {
  const place here;
  const root in = here.open();
  std::vector<task<published>> writes;
  for (int i = 0; i < 64; ++i)
    writes.push_back(write_file(in, "same.bin", std::string(1000, static_cast<char>('0' + i))));
  const std::vector<published> done = run(gather(std::move(writes)));
  EXPECT_EQ(names_in(here.media()).size(), 64U);
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(get(here.media() / done[i].name), std::string(1000, static_cast<char>('0' + i)));
  }
}

TEST(Async, TheLoopKeepsAnsweringAndTheLimitHolds) {
  const place here;
  const root in = here.open();
  put(here.media() / "a", std::string(4 << 20, 'x'));
  run([](root from) -> task<void> {
    std::size_t most = 0, ticks = 0;
    file_limiter().set_capacity(3);
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::vector<task_handle> readers;
      for (int i = 0; i < 24; ++i) {
        readers.push_back(group.spawn([](root r) -> task<void> { co_await read_file(r, "a", 4 << 20); }(from)));
      }
      while (std::any_of(readers.begin(), readers.end(), [](const task_handle& h) { return !h.done(); })) {
        most = std::max(most, file_limiter().in_use());
        ++ticks;
        co_await sleep_for(100us);
      }
    });
    EXPECT_EQ(most, 3U);
    EXPECT_GT(ticks, 2U);
    EXPECT_EQ(file_limiter().in_use(), 0U);
  }(in));
}

TEST(Async, ACancelledWriteLeavesNothingOrAWholeFile) {
  const place here;
  const root in = here.open();
  const std::string content(32 << 20, 'w');
  run([](root into, const std::string& bytes) -> task<void> {
    for (int round = 0; round < 20; ++round) {
      co_await with_task_group([&](task_group& group) -> task<void> {
        task_handle writer = group.spawn([](root r, std::string b) -> task<void> {
          co_await write_file(std::move(r), "w", std::move(b));
        }(into, bytes));
        co_await sleep_for(round * 1ms);
        writer.cancel();
      });
    }
  }(in, content));
  for (const std::string& name : names_in(here.media()))
    EXPECT_EQ(std::filesystem::file_size(here.media() / name), content.size());
  EXPECT_LT(names_in(here.media()).size(), 20U); // the first was cancelled before it began
}

} // namespace weir::files

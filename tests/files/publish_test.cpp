#include "support.hpp"

#include <weir/files/name.hpp>
#include <weir/files/publish.hpp>

#include <sys/stat.h>

#include <atomic>
#include <set>
#include <thread>

namespace weir::files {

namespace fs = std::filesystem;
using test::fails_with;
using test::get;
using test::in_child;
using test::names_in;
using test::place;
using test::put;
using names = std::vector<std::string>;

static published publish(const root& in, const std::string& name, std::string_view bytes,
                         publish_options options = {}) {
  publication making = publication::reserve(in, name, options);
  making.write(bytes);
  return making.commit();
}

static constexpr publish_options replacing{.on_conflict = on_conflict::replace};
static constexpr publish_options failing{.on_conflict = on_conflict::fail};

/// What must hold with unnamed files and with the hidden names that stand in for them.
static void publishes(const place& here) {
  const root in = here.open();
  fs::create_directory(here.media() / "sub");
  {
    publication making = publication::reserve(in, "sub/a.txt", {.mode = 0640});
    making.write("ab");
    making.write("c");
    EXPECT_EQ(making.bytes(), 3U);
    EXPECT_EQ(making.name(), "sub/a.txt");
    for (const std::string& name : names_in(here.media() / "sub")) EXPECT_TRUE(name.starts_with(".weir-")) << name;
    const published done = making.commit();
    EXPECT_EQ(done.name, "sub/a.txt");
    EXPECT_EQ(done.bytes, 3U);
    // FIPS 180-4, the example "abc".
    EXPECT_EQ(done.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(making.sha256(), done.sha256);
    fails_with(errc::internal, [&] { making.commit(); });
    fails_with(errc::internal, [&] { making.write("more"); });
  }
  EXPECT_EQ(get(here.media() / "sub/a.txt"), "abc");
  EXPECT_EQ(names_in(here.media() / "sub"), names{"a.txt"});
  EXPECT_EQ(fs::status(here.media() / "sub/a.txt").permissions(), fs::perms(0640));

  EXPECT_EQ(publish(in, "sub/a.txt", "2").name, "sub/a_2.txt");
  EXPECT_EQ(publish(in, "sub/a.txt", "3").name, "sub/a_3.txt");
  fails_with(errc::already_exists, [&] { publication::reserve(in, "sub/a.txt", failing); });
  {
    publication late = publication::reserve(in, "sub/b.txt", failing); // free when it was reserved
    late.write("late");
    put(here.media() / "sub/b.txt", "early");
    fails_with(errc::already_exists, [&] { late.commit(); });
    EXPECT_EQ(get(here.media() / "sub/b.txt"), "early");
    EXPECT_EQ(late.rescue(in.subroot("saved", true), "b.txt").name, "b.txt"); // the content was not lost
    EXPECT_EQ(get(here.media() / "saved/b.txt"), "late");
  }
  EXPECT_EQ(publish(in, "sub/b.txt", "new", replacing).name, "sub/b.txt");
  EXPECT_EQ(get(here.media() / "sub/b.txt"), "new");
  EXPECT_EQ(
      publish(in, "sub/c.txt", "", {.on_conflict = on_conflict::replace, .sync = sync_policy::file_and_dir}).bytes, 0U);
  for (const publish_options& options : {publish_options{}, replacing}) {
    publication gone = publication::reserve(in, "sub/b.txt", options);
    gone.write("never");
    publication moved = std::move(gone);
  }
  EXPECT_EQ(get(here.media() / "sub/b.txt"), "new");
  EXPECT_EQ(names_in(here.media() / "sub"), (names{"a.txt", "a_2.txt", "a_3.txt", "b.txt", "c.txt"}));
  struct stat status;
  ASSERT_EQ(::stat((here.media() / "sub/b.txt").c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 1U);
}

/// Names that are links, folders and FIFOs: taken, or refused; never followed.
static void spares_links(const place& here) {
  put(here.outside() / "canary", "canary");
  put(here.media() / "victim", "victim");
  fs::create_symlink(here.outside() / "canary", here.media() / "out.png");
  fs::create_symlink("victim", here.media() / "in.png");
  fs::create_symlink(here.outside() / "nothing", here.media() / "dangling.png");
  fs::create_directory(here.media() / "folder.png");
  ASSERT_EQ(::mkfifo((here.media() / "fifo.png").c_str(), 0600), 0);
  fs::create_directory_symlink(here.outside(), here.media() / "d");
  const root in = here.open();
  for (const std::string stem : {"out", "in", "dangling", "folder", "fifo"}) {
    SCOPED_TRACE(stem);
    const fs::file_type before = fs::symlink_status(here.media() / (stem + ".png")).type();
    fails_with(errc::already_exists, [&] { publish(in, stem + ".png", "x", failing); });
    fails_with(errc::invalid_argument, [&] { publish(in, stem + ".png", "x", replacing); });
    EXPECT_EQ(publish(in, stem + ".png", "x").name, stem + "_2.png");
    EXPECT_EQ(fs::symlink_status(here.media() / (stem + ".png")).type(), before);
    publication late = publication::reserve(in, stem + "_late", replacing);
    fs::rename(here.media() / (stem + ".png"), here.media() / (stem + "_late"));
    fails_with(errc::invalid_argument, [&] { late.commit(); });
    EXPECT_EQ(fs::symlink_status(here.media() / (stem + "_late")).type(), before);
  }
  for (const publish_options& options : {publish_options{}, replacing, failing}) {
    fails_with(errc::invalid_argument, [&] { publication::reserve(in, "d/x", options); });
    fails_with(errc::invalid_argument, [&] { publication::reserve(in, "../x", options); });
    fails_with(errc::invalid_argument, [&] { publication::reserve(in, "/tmp/x", options); });
    fails_with(errc::invalid_argument, [&] { publication::reserve(in, "", options); });
    fails_with(errc::invalid_argument, [&] { publication::reserve(in, "victim/x", options); });
    const std::string text = fails_with(errc::not_found, [&] { publication::reserve(in, "none/x", options); });
    EXPECT_NE(text.find("'none'"), std::string::npos) << text;
  }
  EXPECT_EQ(get(here.outside() / "canary"), "canary");
  EXPECT_EQ(get(here.media() / "victim"), "victim");
  EXPECT_EQ(names_in(here.outside()), (names{"canary", "media"}));
}

/// Many threads, one name: every one gets its own whole file.
static void loses_none(const place& here, const publish_options& options, std::size_t files) {
  const root in = here.open();
  std::atomic<int> failed = 0;
  std::vector<published> done(64);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < done.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        done[i] = publish(in, "same.bin", std::string(10'000 + i, static_cast<char>('0' + i)), options);
      } catch (const error&) {
        ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(names_in(here.media()).size(), files);
  std::set<std::string> different;
  for (std::size_t i = 0; i < done.size(); ++i) {
    different.insert(done[i].name);
    if (files > 1) {
      EXPECT_EQ(get(here.media() / done[i].name), std::string(10'000 + i, static_cast<char>('0' + i)));
    }
  }
  EXPECT_EQ(different.size(), files);
  const std::string last = get(here.media() / "same.bin");
  ASSERT_GE(last.size(), 10'000U);
  EXPECT_EQ(last, std::string(10'000 + static_cast<std::size_t>(last[0] - '0'), last[0]));
}

TEST(Publish, InvisibleUntilItIsComplete) { publishes(place()); }
TEST(Publish, NeverFollowsALink) { spares_links(place()); }
TEST(Publish, SixtyFourThreadsOneNameGiveSixtyFourFiles) { loses_none(place(), {}, 64); }
TEST(Publish, SixtyFourThreadsReplacingOneNameGiveOneWholeFile) { loses_none(place(), replacing, 1); }

TEST(Publish, TheSameWithoutUnnamedFiles) {
  EXPECT_EQ(in_child([] {
              test::forbid_unnamed_files();
              {
                const place here;
                const publication hidden = publication::reserve(here.open(), "a");
                ASSERT_EQ(names_in(here.media()).size(), 1U); // or this test would not test what it says
              }
              publishes(place());
              spares_links(place());
              loses_none(place(), {}, 64);
              loses_none(place(), replacing, 1);
            }),
            0);
}

TEST(Publish, TheSameWithoutPrivileges) {
  EXPECT_EQ(in_child([] {
              if (::getuid() == 0) test::drop_privileges();
              publishes(place());
              loses_none(place(), {}, 64);
              loses_none(place(), replacing, 1);
              const place here;
              fs::create_directory(here.media() / "closed");
              fs::permissions(here.media() / "closed", fs::perms(0500));
              fails_with(errc::permission_denied, [&] { publication::reserve(here.open(), "closed/a"); });
            }),
            0);
}

TEST(Publish, NumbersGoOnAfterThousands) {
  const place here;
  const root in = here.open();
  put(here.media() / "gen.png", "");
  for (int i = 2; i <= 2000; ++i) put(here.media() / ("gen_" + std::to_string(i) + ".png"), "");
  EXPECT_EQ(publish(in, "gen.png", "x").name, "gen_2001.png");
  EXPECT_EQ(publish(in, "gen.png", "x").name, "gen_2002.png");
  fs::remove(here.media() / "gen_7.png");
  EXPECT_EQ(publish(in, "gen.png", "x").name, "gen_7.png");
}

TEST(Publish, LimitsHoldAndAFailedWriteIsNotPublished) {
  const place here;
  const root in = here.open();
  put(here.media() / "a", "good");
  fails_with(errc::too_large, [&] { publication::reserve(in, "a", {.expected_bytes = 11, .max_bytes = 10}); });
  publication making = publication::reserve(in, "a", {.on_conflict = on_conflict::replace, .max_bytes = 10});
  making.write("0123456789");
  fails_with(errc::too_large, [&] { making.write("x"); });
  EXPECT_EQ(making.bytes(), 10U);
  fails_with(errc::invalid_argument, [&] { making.commit(); });
  fails_with(errc::invalid_argument, [&] { making.rescue(in, "b"); });
  EXPECT_EQ(get(here.media() / "a"), "good");
  EXPECT_EQ(names_in(here.media()), names{"a"});
  const std::string text =
      fails_with(errc::no_space, [&] { publication::reserve(in, "b", {.expected_bytes = 1ULL << 43}); });
  EXPECT_NE(text.find("'b'"), std::string::npos);
  fails_with(errc::too_large, [&] { publication::reserve(in, "b", {.expected_bytes = UINT64_MAX}); });
  EXPECT_EQ(names_in(here.media()), names{"a"});
  // What was reserved and not used is given back.
  publication big = publication::reserve(in, "c", {.expected_bytes = 8 << 20});
  big.write("tiny");
  EXPECT_EQ(big.commit().bytes, 4U);
  struct stat status;
  ASSERT_EQ(::stat((here.media() / "c").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 4);
  EXPECT_LT(status.st_blocks, 1000);
}

TEST(Publish, ContentFromAnotherProcessIsReadBack) {
  const place here;
  publication making = publication::reserve(here.open(), "a", {.expected_bytes = 1000});
  const int fd = making.fd();
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(in_child([fd] { EXPECT_EQ(::write(fd, "abc", 3), 3); }), 0);
  const published done = making.commit();
  EXPECT_EQ(done.bytes, 3U);
  EXPECT_EQ(done.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(get(here.media() / "a"), "abc");
  publication large = publication::reserve(here.open(), "b", {.max_bytes = 2});
  ASSERT_EQ(::pwrite(large.fd(), "abc", 3, 0), 3);
  fails_with(errc::too_large, [&] { large.commit(); });
  fails_with(errc::internal, [&] { large.write("x"); });
}

TEST(Publish, AFolderThatIsRemovedMeanwhileCostsNothing) {
  const place here;
  const root in = here.open();
  fs::create_directory(here.media() / "sub");
  publication making = publication::reserve(in, "sub/a.txt");
  making.write("paid for");
  fs::remove_all(here.media() / "sub");
  fails_with(errc::not_found, [&] { making.commit(); });
  const published saved = making.rescue(in.subroot("recovery", true), "a.txt");
  EXPECT_EQ(get(here.media() / "recovery/a.txt"), "paid for");
  EXPECT_EQ(saved.bytes, 8U);
}

TEST(Publish, RescuesIntoAnotherFileSystem) {
  const place here;
  std::string shm = "/dev/shm/weir-files-XXXXXX";
  if (::mkdtemp(shm.data()) == nullptr) GTEST_SKIP() << "/dev/shm is not writable";
  const root other = root::open(shm);
  struct stat one, two;
  ASSERT_EQ(::stat(shm.c_str(), &one) | ::stat(here.media().c_str(), &two), 0);
  if (one.st_dev == two.st_dev) GTEST_SKIP() << "one file system only";
  const std::string content(3'000'001, 'z');
  publication making = publication::reserve(here.open(), "a", {.expected_bytes = content.size()});
  making.write(content);
  const std::string sum = making.sha256();
  put(fs::path(shm) / "a.bin", "old");
  const published saved = making.rescue(other, "a.bin");
  EXPECT_EQ(saved.name, "a_2.bin");
  EXPECT_EQ(saved.sha256, sum);
  EXPECT_EQ(get(fs::path(shm) / "a_2.bin"), content);
  EXPECT_EQ(names_in(shm), (names{"a.bin", "a_2.bin"}));
  fs::remove_all(shm);
  EXPECT_TRUE(names_in(here.media()).empty());
}

TEST(Publish, AFolderSwappedForALinkNeverLeadsOut) {
  const place here;
  fs::create_directory(here.outside() / "evil");
  put(here.outside() / "evil/canary", "canary");
  fs::create_directory(here.media() / "real");
  fs::create_directory_symlink(here.outside() / "evil", here.media() / "link");
  const root in = here.open();
  std::atomic<bool> over = false;
  std::atomic<long> good = 0, refused = 0, swaps = 0;
  std::thread swapper([&] {
    const std::string d = (here.media() / "d").string(), r = (here.media() / "real").string(),
                      l = (here.media() / "link").string();
    while (!over) {
      ::rename(r.c_str(), d.c_str());
      ::rename(d.c_str(), r.c_str());
      ::rename(l.c_str(), d.c_str());
      ::rename(d.c_str(), l.c_str());
      ++swaps;
    }
  });
  std::vector<std::thread> writers;
  for (const publish_options& options : {publish_options{}, replacing, failing}) {
    writers.emplace_back([&, options] {
      for (long i = 0; !over; ++i) {
        try {
          publish(in, options.on_conflict == on_conflict::replace ? "d/canary" : "d/" + std::to_string(i % 50), "x",
                  options);
          ++good;
        } catch (const error&) {
          ++refused;
        }
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  over = true;
  swapper.join();
  for (auto& writer : writers) writer.join();
  EXPECT_GT(good, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(swaps, 1000);
  EXPECT_EQ(names_in(here.outside() / "evil"), names{"canary"});
  EXPECT_EQ(get(here.outside() / "evil/canary"), "canary");
}

} // namespace weir::files

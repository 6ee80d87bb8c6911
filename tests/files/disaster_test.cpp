#include "support.hpp"

#include <weir/files/name.hpp>
#include <weir/files/publish.hpp>

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

// Full disks, killed writers, and what those leave behind.
namespace weir::files {

namespace fs = std::filesystem;
using test::fails_with;
using test::get;
using test::in_child;
using test::names_in;
using test::place;
using test::put;
using names = std::vector<std::string>;

static constexpr int no_mount = 77;

/// In a child with its own mounts: `media` is a disk of one mebibyte.
static int on_small_disk(const place& here, const std::function<void()>& f) {
  return in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", here.media().c_str(), "tmpfs", 0, "size=1m") != 0) {
      ::_exit(no_mount);
    }
    f();
  });
}

static void survives_a_full_disk(const place& here, bool unnamed) {
  if (!unnamed) test::forbid_unnamed_files();
  put(here.media() / "good.bin", "good");
  const root in = here.open();
  fails_with(errc::no_space, [&] { publication::reserve(in, "big", {.expected_bytes = 2 << 20}); });
  EXPECT_EQ(names_in(here.media()), names{"good.bin"});
  const std::string piece(300'000, 'p');
  for (const on_conflict policy : {on_conflict::number, on_conflict::replace}) {
    publication making = publication::reserve(in, "good.bin", {.on_conflict = policy});
    std::string text;
    std::size_t pieces = 0;
    for (; text.empty() && pieces < 10; ++pieces) {
      try {
        making.write(piece);
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::no_space);
        text = e.what();
      }
    }
    EXPECT_NE(text.find("'good.bin'"), std::string::npos) << text;
    EXPECT_EQ(making.bytes(), (pieces - 1) * piece.size()); // the refused piece left nothing
    fails_with(errc::invalid_argument, [&] { making.commit(); });
    EXPECT_EQ(get(here.media() / "good.bin"), "good");
    // The paid result goes on where there is room, and nothing of it is lost.
    const root recovery = root::open_or_create((here.outside() / "recovery").string());
    making.move_to(recovery, "saved.bin");
    making.write(piece);
    const published saved = making.commit();
    EXPECT_EQ(get(here.outside() / "recovery" / saved.name), std::string(pieces * piece.size(), 'p'));
  }
  EXPECT_EQ(names_in(here.outside() / "recovery"), (names{"saved.bin", "saved_2.bin"}));
  EXPECT_EQ(names_in(here.media()), names{"good.bin"});
  EXPECT_NO_THROW(publication::reserve(in, "fits", {.expected_bytes = 900'000})); // all room was given back
}

TEST(Disaster, FullDiskOnATmpfs) {
  const place here;
  const int status = on_small_disk(here, [&] { survives_a_full_disk(here, true); });
  if (WIFEXITED(status) && WEXITSTATUS(status) == no_mount) GTEST_SKIP() << "mount is not permitted here";
  EXPECT_EQ(status, 0);
}

TEST(Disaster, FullDiskOnATmpfsWithoutUnnamedFiles) {
  const place here;
  const int status = on_small_disk(here, [&] { survives_a_full_disk(here, false); });
  if (WIFEXITED(status) && WEXITSTATUS(status) == no_mount) GTEST_SKIP() << "mount is not permitted here";
  EXPECT_EQ(status, 0);
}

TEST(Disaster, TheFileSizeLimitOfTheProcessIsAnErrorNotASignal) {
  const place here;
  EXPECT_EQ(in_child([&] {
              const rlimit limit{100'000, 100'000};
              ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
              publication making = publication::reserve(here.open(), "a");
              making.write(std::string(100'000, 'x'));
              fails_with(errc::too_large, [&] { making.write("x"); });
              fails_with(errc::too_large, [&] { publication::reserve(here.open(), "b", {.expected_bytes = 100'001}); });
            }),
            0);
  EXPECT_TRUE(names_in(here.media()).empty());
}

/// Content that shows whether it is whole: 64 KiB of one letter, then its checksum line.
static std::string whole(unsigned n) {
  return std::string(1 << 16, static_cast<char>('a' + n % 26)) + "end" + std::to_string(n % 26);
}

static bool is_whole(const std::string& content) {
  return !content.empty() && content[0] >= 'a' && content[0] <= 'z' &&
         content == whole(static_cast<unsigned>(content[0] - 'a'));
}

/// Kills a writer with SIGKILL at a random moment, many times. `litter_allowed`: hidden names may stay until they are
/// swept.
static void survives_kills(const place& here, on_conflict policy, bool unnamed, bool litter_allowed) {
  put(here.media() / "good.bin", whole(0));
  std::mt19937 random(20240607);
  std::size_t changed = 0, swept = 0;
  std::string last = whole(0);
  // On a busy machine it takes more rounds until the writer got somewhere often enough.
  for (int round = 0; round < 60 || (changed <= 20 && round < 2'000); ++round) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (!unnamed) test::forbid_unnamed_files();
      try {
        const root in = here.open();
        for (unsigned n = 1;; ++n) {
          publication making = publication::reserve(in, "good.bin", {.on_conflict = policy});
          const std::string content = whole(n);
          for (std::size_t at = 0; at < content.size(); at += 9000)
            making.write(std::string_view(content).substr(at, 9000));
          making.commit();
        }
      } catch (const std::exception& e) {
        ::dprintf(2, "writer: %s\n", e.what());
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(500, 12'000)(random)));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
    const names before = names_in(here.media());
    if (litter_allowed) {
      EXPECT_LE(std::count_if(before.begin(), before.end(), [](auto& n) { return n.starts_with(".weir-"); }), 1);
      swept += remove_stale_parts(here.open());
    }
    for (const std::string& name : names_in(here.media())) {
      EXPECT_TRUE(name.starts_with("good") && name.ends_with(".bin")) << "left behind: " << name;
      EXPECT_TRUE(is_whole(get(here.media() / name))) << name;
      if (name != "good.bin") fs::remove(here.media() / name);
    }
    // Or this test would not test what it says: in most rounds the writer gets somewhere.
    const std::string now = get(here.media() / "good.bin");
    changed += policy == on_conflict::replace ? now != last : before.size() > 1;
    last = now;
    if (policy == on_conflict::replace) {
      EXPECT_EQ(names_in(here.media()), names{"good.bin"});
    }
  }
  EXPECT_GT(changed, 20U);
  ::testing::Test::RecordProperty("swept", static_cast<int>(swept));
}

TEST(Disaster, KilledWritersOfNumberedFilesLeaveNothingAtAll) {
  survives_kills(place(), on_conflict::number, true, false);
}

TEST(Disaster, KilledWritersOverAGoodFileLeaveItWhole) { survives_kills(place(), on_conflict::replace, true, true); }

TEST(Disaster, KilledWritersOverAGoodFileLeaveItWholeWithoutUnnamedFiles) {
  survives_kills(place(), on_conflict::replace, false, true);
}

TEST(Disaster, KilledWritersOfNumberedFilesWithoutUnnamedFiles) {
  survives_kills(place(), on_conflict::number, false, true);
}

TEST(Disaster, OnlyDeadWritersPartsAreSwept) {
  const place here;
  const std::string part = ".weir-0123456789abcdef0123456789abcdef.part";
  fs::create_directories(here.media() / "a/b");
  fs::create_directory(here.outside() / "elsewhere");
  put(here.outside() / "elsewhere" / part, "not ours to remove");
  fs::create_directory_symlink(here.outside() / "elsewhere", here.media() / "link");
  put(here.media() / part, "dead");
  put(here.media() / "a/b" / part, "dead");
  put(here.media() / ".weir-not-a-part", "stays");
  put(here.media() / ".weir-0123456789ABCDEF0123456789abcdef.part", "stays");
  fs::create_symlink(here.outside() / "elsewhere" / part, here.media() / "a" / part);
  put(here.media() / "locked", "alive");
  const std::string living = ".weir-ffffffffffffffffffffffffffffffff.part";
  put(here.media() / living, "alive");
  const unique_fd lock(::open((here.media() / living).c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const root in = here.open();
  EXPECT_EQ(remove_stale_parts(in), 2U);
  put(here.media() / part, "dead");
  EXPECT_EQ(remove_stale_parts(in), 1U); // from the beginning again
  EXPECT_EQ(names_in(here.media()),
            (names{".weir-0123456789ABCDEF0123456789abcdef.part", living, ".weir-not-a-part", "a", "link", "locked"}));
  EXPECT_EQ(names_in(here.media() / "a"), (names{part, "b"}));
  EXPECT_EQ(get(here.outside() / "elsewhere" / part), "not ours to remove");
}

static void publishes_while_swept(const place& here, on_conflict policy) {
  const root in = here.open();
  std::atomic<bool> over = false;
  std::atomic<int> failed = 0;
  std::atomic<std::size_t> good = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      while (!over) {
        try {
          publication making = publication::reserve(in, "x", {.on_conflict = policy});
          making.write("content");
          making.commit();
          ++good;
        } catch (const error&) {
          ++failed;
        }
        if (good > 2000 || failed > 0) over = true;
      }
    });
  }
  while (!over) remove_stale_parts(in);
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(names_in(here.media()).size(), policy == on_conflict::number ? good.load() : 1U);
}

TEST(Disaster, SweepingWhileOthersReplaceTakesNothingAway) { publishes_while_swept(place(), on_conflict::replace); }

TEST(Disaster, SweepingWhileOthersPublishTakesNothingAwayWithoutUnnamedFiles) {
  for (const on_conflict policy : {on_conflict::number, on_conflict::replace}) {
    EXPECT_EQ(in_child([&] {
                test::forbid_unnamed_files();
                publishes_while_swept(place(), policy);
              }),
              0);
  }
}

} // namespace weir::files

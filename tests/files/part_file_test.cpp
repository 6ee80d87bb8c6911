#include "support.hpp"

#include <weir/files/part_file.hpp>

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
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

static constexpr const char* source = "shots/42/movie";

static std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(((i + seed) * 2654435761u) >> 13);
  return text;
}

static std::string sha256_of(const place& here, const std::string& content) {
  publication making = publication::reserve(here.open(), "unused");
  making.write(content);
  return making.sha256();
}

/// The hidden file whose name ends so, or "".
static fs::path hidden(const place& here, std::string_view tail) {
  for (const std::string& name : names_in(here.media()))
    if (name.starts_with(".weir-") && name.ends_with(tail)) return here.media() / name;
  return {};
}
static fs::path part_of(const place& here) { return hidden(here, ".partial"); }
static fs::path facts_of(const place& here) { return hidden(here, ".facts"); }

/// Leaves `content` behind as the part of "clip.mp4".
static void leave(const place& here, const std::string& content, std::optional<std::uint64_t> total = {}) {
  part_file part = part_file::open(here.open(), "clip.mp4", source);
  part.describe("\"v1\"", total);
  part.write(content);
}

TEST(PartFile, GoesOnWhereItWasLeft) {
  const place here;
  const std::string content = pattern(3'000'000);
  leave(here, content.substr(0, 1'000'001), content.size());
  EXPECT_EQ(names_in(here.media()).size(), 2U);
  EXPECT_EQ(get(part_of(here)), content.substr(0, 1'000'001));
  EXPECT_EQ(get(facts_of(here)).find(source), std::string::npos); // what may be a URL is not told to the disk
  struct stat status;
  for (const fs::path& at : {part_of(here), facts_of(here)}) {
    ASSERT_EQ(::stat(at.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
  }
  part_file part = part_file::open(here.open(), "clip.mp4", source);
  EXPECT_EQ(part.bytes(), 1'000'001U);
  EXPECT_EQ(part.validator(), "\"v1\"");
  EXPECT_EQ(part.total(), content.size());
  EXPECT_EQ(part.sha256(), sha256_of(here, content.substr(0, 1'000'001)));
  part.write(std::string_view(content).substr(1'000'001));
  const published done = part.commit();
  EXPECT_EQ(done.name, "clip.mp4");
  EXPECT_EQ(done.bytes, content.size());
  EXPECT_EQ(done.sha256, sha256_of(here, content));
  EXPECT_EQ(get(here.media() / "clip.mp4"), content);
  EXPECT_EQ(names_in(here.media()), names{"clip.mp4"});
}

TEST(PartFile, LeavesNothingWhereNothingWasWrittenOrAllIsDiscarded) {
  const place here;
  { part_file::open(here.open(), "clip.mp4", source); }
  EXPECT_TRUE(names_in(here.media()).empty());
  {
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    part.write("abc");
    part.discard();
    EXPECT_TRUE(names_in(here.media()).empty());
  }
  EXPECT_TRUE(names_in(here.media()).empty());
  leave(here, "abc");
  {
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    part.reset();
    EXPECT_EQ(part.validator(), "");
  }
  EXPECT_TRUE(names_in(here.media()).empty());
}

TEST(PartFile, AnotherSourceStartsOver) {
  const place here;
  leave(here, "the old content");
  part_file part = part_file::open(here.open(), "clip.mp4", "another");
  EXPECT_EQ(part.bytes(), 0U);
  EXPECT_EQ(part.validator(), "");
  part.write("new");
  part.commit();
  EXPECT_EQ(get(here.media() / "clip.mp4"), "new");
}

TEST(PartFile, ATornTailIsNeverContent) {
  const std::string content = pattern(500'000);
  // A point on the disk at 300,000, the last one at 500,000.
  const auto leave_two = [&](const place& here) {
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    part.describe("\"v1\"", 900'000);
    part.write(std::string_view(content).substr(0, 300'000));
    part.keep(true);
    part.write(std::string_view(content).substr(300'000));
  };
  const auto left = [&](const place& here) {
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    const std::string now = get(part_of(here));
    EXPECT_EQ(now, content.substr(0, now.size()));
    EXPECT_EQ(now.size(), part.bytes());
    EXPECT_EQ(part.sha256(), sha256_of(here, now));
    return part.bytes();
  };
  {
    const place here; // more than the facts know
    leave_two(here);
    put(part_of(here), content + std::string(10'000, '\0'));
    EXPECT_EQ(left(here), 500'000U);
  }
  {
    const place here; // the end did not reach the disk
    leave_two(here);
    put(part_of(here), content.substr(0, 400'000) + std::string(100'000, '\0'));
    EXPECT_EQ(left(here), 300'000U);
  }
  {
    const place here; // the length neither
    leave_two(here);
    put(part_of(here), content.substr(0, 499'999));
    EXPECT_EQ(left(here), 300'000U);
  }
  {
    const place here; // one bit
    leave_two(here);
    std::string other = content;
    other[299'999] ^= 1;
    put(part_of(here), other);
    EXPECT_EQ(left(here), 0U);
  }
  {
    const place here; // the last facts did not reach the disk: the page is empty, torn, or an older file
    leave_two(here);
    const std::string facts = get(facts_of(here));
    ASSERT_EQ(facts.size(), 8192U);
    put(facts_of(here), facts.substr(0, 4096) + std::string(4096, '\0'));
    EXPECT_EQ(left(here), 300'000U);
    put(part_of(here), content);
    put(facts_of(here), facts.substr(0, 4096) + facts.substr(4096, 150) + std::string(4096 - 150, '\0'));
    EXPECT_EQ(left(here), 300'000U);
  }
  {
    const place here; // the part alone
    leave_two(here);
    fs::remove(facts_of(here));
    EXPECT_EQ(left(here), 0U);
  }
}

TEST(PartFile, DamagedFactsAreNotBelieved) {
  const std::string content = pattern(100'000);
  const place here;
  leave(here, content, 200'000);
  const fs::path part_path = part_of(here), facts_path = facts_of(here);
  const std::string facts = get(facts_path);
  const std::size_t used = facts.find_last_not_of('\0') + 1;
  for (std::size_t at = 4096; at < used; at += 3) {
    std::string bad = facts;
    bad[at] ^= 1;
    put(part_path, content);
    put(facts_path, bad);
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    EXPECT_EQ(part.bytes(), 0U) << at;
  }
  put(part_path, content);
  put(facts_path, facts);
  EXPECT_EQ(part_file::open(here.open(), "clip.mp4", source).bytes(), content.size());
  // Facts that fit together, but not these bytes.
  place other;
  leave(other, pattern(100'000, 7), 200'000);
  put(part_of(other), content);
  EXPECT_EQ(part_file::open(other.open(), "clip.mp4", source).bytes(), 0U);
}

TEST(PartFile, SurvivesKills) {
  const place here;
  const std::string content = pattern(24'000'000);
  std::size_t lives = 0, went_on = 0;
  for (bool complete = false; !complete && lives < 200; ++lives) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        part_file part = part_file::open(here.open(), "clip.mp4", source);
        part.describe("\"v1\"", content.size());
        while (part.bytes() < content.size()) {
          part.write(std::string_view(content).substr(part.bytes(), 65'536));
          ::usleep(300);
        }
        part.commit();
        ::_exit(0);
      } catch (const std::exception& e) {
        ::dprintf(2, "writer: %s\n", e.what());
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 7 * (lives % 10)));
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      complete = true;
      continue;
    }
    if (get(here.media() / "clip.mp4").size() == content.size()) break; // killed after it was published
    const std::string part = get(part_of(here));
    EXPECT_EQ(part, content.substr(0, part.size())) << "life " << lives;
    part_file next = part_file::open(here.open(), "clip.mp4", source);
    EXPECT_LE(next.bytes(), part.size());
    EXPECT_GT(next.bytes() + 5'000'000, part.size()) << "what is lost is bounded";
    went_on += next.bytes() > 0;
  }
  EXPECT_GE(went_on, 2U) << "or this test would not test what it says";
  EXPECT_EQ(get(here.media() / "clip.mp4"), content);
  EXPECT_LE(names_in(here.media()).size(), 2U); // at most facts whose part was published
}

TEST(PartFile, OnlyOneWriterAtATime) {
  const place here;
  part_file first = part_file::open(here.open(), "clip.mp4", source);
  first.write("abc");
  const std::string text = fails_with(errc::already_exists, [&] { part_file::open(here.open(), "clip.mp4", source); });
  EXPECT_NE(text.find("'clip.mp4' is being downloaded by another process"), std::string::npos) << text;
  EXPECT_EQ(
      in_child([&] { fails_with(errc::already_exists, [&] { part_file::open(here.open(), "clip.mp4", source); }); }),
      0);
  part_file::open(here.open(), "other.mp4", source); // another name is another part
  first.write("def");
  EXPECT_EQ(first.commit().bytes, 6U);
  EXPECT_EQ(get(here.media() / "clip.mp4"), "abcdef");
}

TEST(PartFile, WhatIsInTheWayIsNeverFollowed) {
  const std::string precious = "not to be touched";
  for (const char* tail : {".partial", ".facts"}) {
    for (const std::string what : {"link", "dangling link", "fifo", "hard link"}) {
      const place here;
      leave(here, "abc");
      const fs::path at = hidden(here, tail);
      fs::remove(at);
      put(here.outside() / "precious", precious);
      if (what == "link") fs::create_symlink(here.outside() / "precious", at);
      if (what == "dangling link") fs::create_symlink(here.outside() / "made", at);
      if (what == "fifo") {
        ASSERT_EQ(::mkfifo(at.c_str(), 0600), 0);
      }
      if (what == "hard link") fs::create_hard_link(here.outside() / "precious", at);
      part_file part = part_file::open(here.open(), "clip.mp4", source);
      EXPECT_EQ(part.bytes(), 0U) << what;
      part.write("new");
      part.keep(true);
      part.commit();
      EXPECT_EQ(get(here.media() / "clip.mp4"), "new");
      EXPECT_EQ(names_in(here.media()), names{"clip.mp4"});
      EXPECT_EQ(get(here.outside() / "precious"), precious) << what << tail;
      EXPECT_FALSE(fs::exists(here.outside() / "made"));
    }
    const place here;
    leave(here, "abc");
    const fs::path at = hidden(here, tail);
    fs::remove(at);
    fs::create_directory(at);
    const std::string text =
        fails_with(errc::invalid_argument, [&] { part_file::open(here.open(), "clip.mp4", source); });
    EXPECT_NE(text.find("'clip.mp4'"), std::string::npos);
    EXPECT_EQ(text.find(".weir"), std::string::npos) << text;
  }
}

TEST(PartFile, WhatAnotherUserPlantedIsNotGoneOnWith) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  for (const bool part : {true, false}) {
    const place here;
    leave(here, "abc");
    ASSERT_EQ(::chown(part ? part_of(here).c_str() : facts_of(here).c_str(), 12345, 12345), 0);
    EXPECT_EQ(part_file::open(here.open(), "clip.mp4", source).bytes(), 0U);
  }
}

TEST(PartFile, PublishesByTheRulesOfPublication) {
  const place here;
  put(here.media() / "clip.mp4", "good");
  const auto complete = [&](publish_options options) {
    part_file part = part_file::open(here.open(), "clip.mp4", source, options);
    part.write("new");
    return part.commit().name;
  };
  const mode_t old = ::umask(077);
  EXPECT_EQ(complete({.mode = 0644, .sync = sync_policy::file_and_dir}), "clip_2.mp4");
  ::umask(old);
  struct stat status;
  ASSERT_EQ(::stat((here.media() / "clip_2.mp4").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  fails_with(errc::already_exists, [&] { complete({.on_conflict = on_conflict::fail}); });
  EXPECT_EQ(get(here.media() / "clip.mp4"), "good");
  EXPECT_EQ(complete({.on_conflict = on_conflict::replace}), "clip.mp4");
  EXPECT_EQ(get(here.media() / "clip.mp4"), "new");
  EXPECT_EQ(names_in(here.media()), (names{"clip.mp4", "clip_2.mp4"}));
  fails_with(errc::not_found, [&] { part_file::open(here.open(), "none/clip.mp4", source); });
  fails_with(errc::invalid_argument, [&] { part_file::open(here.open(), "../clip.mp4", source); });
}

TEST(PartFile, ARefusedCommitKeepsThePart) {
  const place here;
  {
    part_file part = part_file::open(here.open(), "clip.mp4", source, {.on_conflict = on_conflict::fail, .mode = 0666});
    part.describe("", 6);
    part.write("abc");
    const std::string text = fails_with(errc::invalid_argument, [&] { part.commit(); });
    EXPECT_NE(text.find("3 of 6 bytes"), std::string::npos) << text;
    part.write("def");
    put(here.media() / "clip.mp4", "somebody was faster");
    fails_with(errc::already_exists, [&] { part.commit(); });
  }
  struct stat status;
  ASSERT_EQ(::stat(part_of(here).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  part_file part = part_file::open(here.open(), "clip.mp4", source);
  EXPECT_EQ(part.bytes(), 6U);
  EXPECT_EQ(part.commit().name, "clip_2.mp4");
  EXPECT_EQ(get(here.media() / "clip_2.mp4"), "abcdef");
  EXPECT_EQ(get(here.media() / "clip.mp4"), "somebody was faster");
}

TEST(PartFile, LimitsHold) {
  const place here;
  leave(here, "0123456789");
  EXPECT_EQ(part_file::open(here.open(), "clip.mp4", source, {.max_bytes = 10}).bytes(), 10U);
  {
    part_file part = part_file::open(here.open(), "clip.mp4", source, {.max_bytes = 12});
    fails_with(errc::too_large, [&] { part.write("abc"); });
    fails_with(errc::invalid_argument, [&] { part.commit(); });
  }
  EXPECT_EQ(part_file::open(here.open(), "clip.mp4", source, {.max_bytes = 10}).bytes(), 10U);
  EXPECT_EQ(part_file::open(here.open(), "clip.mp4", source, {.max_bytes = 9}).bytes(), 0U);
}

TEST(PartFile, AnUnusableValidatorIsNotKept) {
  const place here;
  for (const std::string& bad : {std::string("\"a\nlength 5\""), std::string(1001, 'v')}) {
    {
      part_file part = part_file::open(here.open(), "clip.mp4", source);
      part.describe(bad, 5);
      part.write("abc");
    }
    part_file part = part_file::open(here.open(), "clip.mp4", source);
    EXPECT_EQ(part.validator(), "");
    EXPECT_EQ(part.bytes(), 3U);
    part.discard();
  }
}

TEST(PartFile, TheFileSizeLimitOfTheProcessIsAnErrorNotASignal) {
  const place here;
  EXPECT_EQ(in_child([&] {
              const rlimit limit{100'000, 100'000};
              ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
              part_file part = part_file::open(here.open(), "clip.mp4", source);
              part.write(std::string(100'000, 'x'));
              fails_with(errc::too_large, [&] { part.write("x"); });
            }),
            0);
  part_file part = part_file::open(here.open(), "clip.mp4", source);
  EXPECT_EQ(part.bytes(), 100'000U);
}

TEST(PartFile, AFullDiskKeepsWhatIsThere) {
  const place here;
  const int status = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", here.media().c_str(), "tmpfs", 0, "size=1m") != 0) {
      ::_exit(77);
    }
    const std::string content = pattern(900'000);
    put(here.media() / "good.bin", pattern(500'000));
    fails_with(errc::no_space,
               [&] { part_file::open(here.open(), "clip.mp4", source, {.expected_bytes = content.size()}); });
    EXPECT_EQ(names_in(here.media()), names{"good.bin"});
    {
      part_file part = part_file::open(here.open(), "clip.mp4", source);
      part.describe("\"v1\"", content.size());
      fails_with(errc::no_space, [&] {
        while (part.bytes() < content.size()) part.write(std::string_view(content).substr(part.bytes(), 50'000));
      });
      EXPECT_GE(part.bytes(), 400'000U);
      fails_with(errc::invalid_argument, [&] { part.commit(); });
    }
    fs::remove(here.media() / "good.bin");
    part_file part = part_file::open(here.open(), "clip.mp4", source, {.expected_bytes = content.size()});
    EXPECT_GE(part.bytes(), 400'000U);
    part.write(std::string_view(content).substr(part.bytes()));
    part.commit();
    EXPECT_EQ(get(here.media() / "clip.mp4"), content);
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "mount is not permitted here";
  EXPECT_EQ(status, 0);
}

TEST(PartFile, TheSweepTakesOnlyOldOnes) {
  const place here;
  leave(here, "abc");
  const root in = here.open();
  const fs::path part = part_of(here), facts = facts_of(here);
  const auto age = [](const fs::path& at, long days) {
    const timespec then{::time(nullptr) - days * 24 * 3600, 0};
    const timespec both[2] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, at.c_str(), both, AT_SYMLINK_NOFOLLOW), 0);
  };
  EXPECT_EQ(remove_stale_parts(in), 0U);
  age(part, 6);
  age(facts, 100);
  EXPECT_EQ(remove_stale_parts(in), 0U);
  EXPECT_EQ(part_file::open(in, "clip.mp4", source).bytes(), 3U);
  age(part, 8);
  {
    const unique_fd lock(::open(part.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    EXPECT_EQ(remove_stale_parts(in), 0U); // its writer lives
  }
  EXPECT_EQ(remove_stale_parts(in), 1U);
  EXPECT_TRUE(names_in(here.media()).empty());
  put(facts, "alone");
  EXPECT_EQ(remove_stale_parts(in), 0U);
  age(facts, 8);
  EXPECT_EQ(remove_stale_parts(in), 1U);
  put(here.outside() / "elsewhere", "abc");
  fs::create_symlink(here.outside() / "elsewhere", part);
  age(part, 8);
  EXPECT_EQ(remove_stale_parts(in), 0U);
  EXPECT_EQ(get(here.outside() / "elsewhere"), "abc");
}

TEST(PartFile, ManyWritersOfOneNameNeverMixOrLoseAFile) {
  const place here;
  const root in = here.open();
  std::atomic<std::size_t> published_files = 0, refused = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      const std::string content = pattern(2'000, static_cast<unsigned>(i));
      for (int n = 0; n < 1500; ++n) {
        try {
          part_file part = part_file::open(in, "clip.mp4", std::to_string(i));
          if (part.bytes() != 0) ++failed; // everything that was begun was also published
          part.write(std::string_view(content).substr(0, 900));
          if (n % 10 == 0) part.keep(false);
          part.write(std::string_view(content).substr(900));
          part.commit();
          ++published_files;
        } catch (const error& e) {
          if (e.code() == errc::already_exists) {
            ++refused;
          } else {
            ++failed;
            ADD_FAILURE() << e.what();
          }
        }
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
  const names found = names_in(here.media());
  EXPECT_EQ(found.size(), published_files.load());
  for (const std::string& name : found) {
    const std::string content = get(here.media() / name);
    EXPECT_TRUE(content == pattern(2'000, 0) || content == pattern(2'000, 1) || content == pattern(2'000, 2) ||
                content == pattern(2'000, 3))
        << name;
  }
}

} // namespace weir::files

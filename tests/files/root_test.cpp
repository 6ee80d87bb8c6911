#include "support.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/files/name.hpp>
#include <weir/files/root.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace weir::files {

namespace fs = std::filesystem;
using test::fails_with;
using test::get;
using test::in_child;
using test::place;
using test::put;

TEST(Root, ReadsFilesAndSaysWhatTheyAre) {
  const place here;
  put(here.media() / "a.txt", "hello");
  fs::create_directories(here.media() / "sub/deep");
  put(here.media() / "sub/deep/b.txt", "world!");
  const root in = here.open();
  EXPECT_EQ(in.read_all("a.txt", 5), "hello");
  EXPECT_EQ(in.read_all("sub/deep/b.txt", 100), "world!");
  const file opened = in.open_read("sub/deep/b.txt");
  EXPECT_EQ(opened.info.size_bytes, 6U);
  EXPECT_EQ(::fcntl(opened.fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(opened.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  struct stat status;
  ASSERT_EQ(::stat((here.media() / "sub/deep/b.txt").c_str(), &status), 0);
  EXPECT_EQ(opened.info.inode, status.st_ino);
  EXPECT_EQ(opened.info.device, status.st_dev);
  EXPECT_EQ(opened.info.modified.time_since_epoch().count(),
            status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
  EXPECT_TRUE(in.stat("sub").is_folder);
  EXPECT_FALSE(in.stat("a.txt").is_folder);
  in.remove("a.txt");
  EXPECT_FALSE(fs::exists(here.media() / "a.txt"));
  fails_with(errc::not_found, [&] { in.remove("a.txt"); });
}

TEST(Root, ErrorsNameTheFileAndNeverThePath) {
  const place here;
  fs::create_directory(here.media() / "folder");
  put(here.media() / "plain", "x");
  const root in = here.open();
  const auto check = [&](errc code, const std::string& name, auto&& f) {
    const std::string text = fails_with(code, f);
    EXPECT_NE(text.find("'" + display_name(name) + "'"), std::string::npos) << text;
    EXPECT_EQ(text.find(here.outside().string()), std::string::npos) << text;
    EXPECT_EQ(text.find("/proc"), std::string::npos) << text;
  };
  check(errc::not_found, "absent.png", [&] { in.open_read("absent.png"); });
  check(errc::not_found, "no/such.png", [&] { in.open_read("no/such.png"); });
  check(errc::invalid_argument, "folder", [&] { in.open_read("folder"); });
  check(errc::invalid_argument, "folder", [&] { in.remove("folder"); });
  check(errc::invalid_argument, "plain/x", [&] { in.open_read("plain/x"); });
  check(errc::invalid_argument, "plain", [&] { in.open_dir("plain"); });
  check(errc::not_found, "none", [&] { in.open_dir("none"); });
  check(errc::not_found, "none", [&] { in.subroot("none", false); });
  check(errc::invalid_argument, "plain", [&] { in.subroot("plain", true); });
  for (const std::string name :
       {"", ".", "..", "/etc/passwd", "../../etc/passwd", "folder/../plain", ".weir", "a\nb"}) {
    check(errc::invalid_argument, name, [&] { in.open_read(name); });
    check(errc::invalid_argument, name, [&] { in.stat(name); });
    check(errc::invalid_argument, name, [&] { in.remove(name); });
    check(errc::invalid_argument, name, [&] { in.read_all(name, 1); });
    check(errc::invalid_argument, name, [&] { in.subroot(name, true); });
    if (!name.empty()) check(errc::invalid_argument, name, [&] { in.open_dir(name); });
  }
  check(errc::invalid_argument, std::string(300, 'x'), [&] { in.open_read(std::string(300, 'x')); });
}

TEST(Root, OpensThroughALinkAndCreates) {
  const place here;
  put(here.media() / "a", "in");
  fs::create_directory_symlink(here.media(), here.outside() / "link");
  EXPECT_EQ(root::open((here.outside() / "link").string()).read_all("a", 10), "in");
  const fs::path deep = here.outside() / "new/deep/er/";
  fails_with(errc::not_configured, [&] { root::open(deep.string()); });
  const root made = root::open_or_create(deep.string());
  EXPECT_TRUE(fs::is_directory(deep));
  EXPECT_EQ(fs::status(here.outside() / "new").permissions() & fs::perms::all, fs::perms::owner_all);
  EXPECT_NO_THROW(root::open_or_create(deep.string()));
  const root below = made.subroot("videos/raw", true);
  EXPECT_TRUE(fs::is_directory(deep / "videos/raw"));
  put(deep / "videos/raw/x", "1");
  EXPECT_EQ(below.read_all("x", 1), "1");
  made.private_root();
  EXPECT_TRUE(fs::is_directory(deep / ".weir"));
  EXPECT_NO_THROW(made.private_root());
  const std::string text =
      fails_with(errc::not_configured, [&] { root::open_or_create((here.media() / "a/b").string()); });
  EXPECT_EQ(text.find(here.outside().string()), std::string::npos) << text;
  fails_with(errc::not_configured, [&] { root::open((here.media() / "a").string()); });
  fails_with(errc::invalid_argument, [&] { root::open(""); });
  fails_with(errc::invalid_argument, [&] { root::open_or_create(here.media().string() + std::string("/x\0y", 4)); });
  EXPECT_FALSE(fs::exists(here.media() / "x"));
}

static void refuses_links(const place& here, const root& in) {
  for (const char* name : {"to_file", "to_outside", "dangling", "loop", "to_dir/a", "to_parent/secret", "to_root/a",
                           "real/up/secret", "to_etc/passwd", "to_proc/root/etc/passwd"}) {
    SCOPED_TRACE(name);
    fails_with(errc::invalid_argument, [&] { in.open_read(name); });
    fails_with(errc::invalid_argument, [&] { in.stat(name); });
    fails_with(errc::invalid_argument, [&] { in.remove(name); });
  }
  for (const char* name : {"to_dir", "to_parent", "to_root", "real/up"}) {
    SCOPED_TRACE(name);
    EXPECT_NE(fails_with(errc::invalid_argument, [&] { in.open_dir(name); }).find("symbolic link"), std::string::npos);
    fails_with(errc::invalid_argument, [&] { in.subroot(name, true); });
    fails_with(errc::invalid_argument, [&] { in.subroot(std::string(name) + "/made", true); });
  }
  EXPECT_EQ(in.read_all("real/a", 10), "inside");
  EXPECT_EQ(get(here.outside() / "secret"), "secret");
  EXPECT_FALSE(fs::exists(here.outside() / "made"));
}

static void make_links(const place& here) {
  put(here.outside() / "secret", "secret");
  fs::create_directory(here.media() / "real");
  put(here.media() / "real/a", "inside");
  put(here.media() / "a", "inside");
  fs::create_symlink("a", here.media() / "to_file");
  fs::create_symlink(here.outside() / "secret", here.media() / "to_outside");
  fs::create_symlink("nowhere", here.media() / "dangling");
  fs::create_symlink("loop", here.media() / "loop");
  fs::create_directory_symlink("real", here.media() / "to_dir");
  fs::create_directory_symlink("..", here.media() / "to_parent");
  fs::create_directory_symlink(".", here.media() / "to_root");
  fs::create_directory_symlink("../..", here.media() / "real/up");
  fs::create_directory_symlink("/etc", here.media() / "to_etc");
  fs::create_directory_symlink("/proc/self", here.media() / "to_proc");
}

TEST(Root, NoLinkIsFollowed) {
  const place here;
  make_links(here);
  refuses_links(here, here.open());
}

TEST(Root, NoLinkIsFollowedWithoutOpenat2) {
  const place here;
  make_links(here);
  for (const unsigned number : {ENOSYS, EPERM}) {
    EXPECT_EQ(in_child([&] {
                test::forbid_openat2(number);
                refuses_links(here, here.open());
                const root in = here.open();
                fails_with(errc::not_found, [&] { in.open_read("real/none"); });
                fails_with(errc::not_found, [&] { in.open_read("none/none"); });
                fails_with(errc::invalid_argument, [&] { in.open_read("a/none"); });
                fails_with(errc::invalid_argument, [&] { in.open_dir("a"); });
              }),
              0);
  }
}

/// One folder that is a real folder, then a link to the outside, then a folder again, as fast as it goes, while
/// threads read from it and make folders in it.
static void survives_swaps(const place& here) {
  fs::create_directories(here.outside() / "evil");
  put(here.outside() / "evil/a", "OUTSIDE");
  fs::create_directory(here.media() / "real");
  put(here.media() / "real/a", "inside!");
  fs::create_directory_symlink(here.outside() / "evil", here.media() / "link");
  const root in = here.open();
  std::atomic<bool> over = false;
  std::atomic<long> good = 0, refused = 0, escaped = 0, swaps = 0;
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
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      while (!over) {
        try {
          if (i == 0) in.subroot("d", false).subroot("made", true);
          (in.read_all("d/a", 100) == "inside!" ? good : escaped)++;
        } catch (const error&) {
          ++refused;
        }
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  over = true;
  swapper.join();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(escaped, 0);
  EXPECT_GT(good, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(swaps, 1000);
  EXPECT_EQ(test::names_in(here.outside() / "evil"), std::vector<std::string>{"a"});
  EXPECT_EQ(get(here.outside() / "evil/a"), "OUTSIDE");
}

TEST(Root, AFolderSwappedForALinkNeverLeadsOut) {
  const place here;
  survives_swaps(here);
}

TEST(Root, AFolderSwappedForALinkNeverLeadsOutWithoutOpenat2) {
  const place here;
  EXPECT_EQ(in_child([&] {
              test::forbid_openat2(ENOSYS);
              survives_swaps(here);
            }),
            0);
}

TEST(Root, FifosReturnAtOnce) {
  const place here;
  ASSERT_EQ(::mkfifo((here.media() / "pipe").c_str(), 0600), 0);
  const root in = here.open();
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 45; ++i) {
    threads.emplace_back([&] {
      try {
        in.open_read("pipe");
      } catch (const error& e) {
        if (e.code() == errc::invalid_argument && std::string(e.what()).find("FIFO") != std::string::npos) ++refused;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 45);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)); // an open would wait for ever
  // It was never opened: a writer still finds no reader.
  EXPECT_EQ(::open((here.media() / "pipe").c_str(), O_WRONLY | O_NONBLOCK), -1);
  EXPECT_EQ(errno, ENXIO);
}

TEST(Root, SocketsAndDevicesAreRefused) {
  const place here;
  const unique_fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (here.media() / "sock").string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const root in = here.open();
  EXPECT_NE(fails_with(errc::invalid_argument, [&] { in.open_read("sock"); }).find("socket"), std::string::npos);
  if (::mknod((here.media() / "zero").c_str(), S_IFCHR | 0600, makedev(1, 5)) == 0) {
    EXPECT_NE(fails_with(errc::invalid_argument, [&] { in.open_read("zero"); }).find("device"), std::string::npos);
    fails_with(errc::invalid_argument, [&] { in.stat("zero"); });
  } else {
    const root devices = root::open("/dev");
    EXPECT_NE(fails_with(errc::invalid_argument, [&] { devices.open_read("zero"); }).find("device"), std::string::npos);
  }
}

TEST(Root, UnreadableFilesSayPermissionDenied) {
  const place here;
  put(here.media() / "private", "x");
  put(here.media() / "open", "readable");
  fs::permissions(here.media() / "open", fs::perms(0644));
  fs::permissions(here.media() / "private", fs::perms::none);
  fs::create_directory(here.media() / "closed");
  put(here.media() / "closed/a", "x");
  fs::permissions(here.media() / "closed", fs::perms::none);
  fs::permissions(here.outside(), fs::perms::all);
  fs::permissions(here.media(), fs::perms::all);
  const auto check = [&] {
    const root in = here.open();
    fails_with(errc::permission_denied, [&] { in.open_read("private"); });
    fails_with(errc::permission_denied, [&] { in.open_read("closed/a"); });
    EXPECT_EQ(in.stat("private").size_bytes, 1U);
    EXPECT_EQ(in.read_all("open", 10), "readable"); // although /proc/self is closed to who has changed its user
  };
  EXPECT_EQ(in_child([&] {
              if (::getuid() == 0) test::drop_privileges();
              check();
            }),
            0);
  fs::permissions(here.media() / "closed", fs::perms::owner_all);
}

TEST(Root, ReadAllKeepsItsLimit) {
  const place here;
  put(here.media() / "a", std::string(1000, 'x'));
  const root in = here.open();
  EXPECT_EQ(in.read_all("a", 1000).size(), 1000U);
  const std::string text = fails_with(errc::too_large, [&] { in.read_all("a", 999); });
  EXPECT_NE(text.find("999"), std::string::npos);
  // A sparse terabyte costs neither memory nor time.
  const unique_fd fd(::open((here.media() / "huge").c_str(), O_CREAT | O_WRONLY, 0600));
  ASSERT_EQ(::ftruncate(fd.get(), off_t{1} << 40), 0);
  fails_with(errc::too_large, [&] { in.read_all("huge", 1 << 20); });
  // Files of /proc say that they are empty and are not: the limit holds for what is read.
  const root proc = root::open("/proc/self");
  EXPECT_NE(proc.read_all("status", 1 << 20).find("Pid:"), std::string::npos);
  fails_with(errc::too_large, [&] { proc.read_all("status", 10); });
}

TEST(Root, ReadAllStopsWhenAsked) {
  const place here;
  put(here.media() / "a", std::string(3 << 20, 'x'));
  std::stop_source source;
  EXPECT_EQ(here.open().read_all("a", 1 << 30, source.get_token()).size(), std::size_t{3} << 20);
  source.request_stop();
  EXPECT_THROW(here.open().read_all("a", 1 << 30, source.get_token()), cancelled);
}

TEST(Root, HardLinksAreServedUnlessRefused) {
  const place here;
  put(here.outside() / "other", "shared");
  fs::create_hard_link(here.outside() / "other", here.media() / "hard");
  EXPECT_EQ(here.open().read_all("hard", 10), "shared");
  const root strict = root::open(here.media().string(), {.folder_mode = 0700, .refuse_hard_links = true});
  fails_with(errc::invalid_argument, [&] { strict.open_read("hard"); });
  fs::remove(here.outside() / "other");
  EXPECT_EQ(strict.read_all("hard", 10), "shared");
}

TEST(Root, TimesOutOfRangeAreClamped) {
  const place here;
  put(here.media() / "a", "x");
  const timespec times[2] = {{0, 0}, {static_cast<time_t>(15'000'000'000), 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (here.media() / "a").c_str(), times, 0), 0);
  EXPECT_GT(here.open().stat("a").modified.time_since_epoch().count(), 0);
}

} // namespace weir::files

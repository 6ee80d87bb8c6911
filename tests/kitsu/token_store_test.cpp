#include "kitsu/own_folder.hpp"

#include <weir/core/error.hpp>
#include <weir/kitsu/token_store.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::kitsu {
namespace {

using test::content_of;
using test::mode_of;
using test::own_folder;
using test::write_to;

stored_login a_login() {
  return {.host = "https://kitsu.example.com/api",
          .email = "ann@example.com",
          .tokens = {"access-1", "refresh-1"},
          .ca_file = "/etc/own-ca.pem",
          .client_certificate_file = "/etc/me.pem",
          .allow_plain_http = true};
}

/// The error of `f`, or a failed test.
template <class F>
std::pair<errc, std::string> failure_of(F&& f) {
  try {
    f();
  } catch (const error& problem) {
    return {problem.code(), problem.what()};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {errc::internal, ""};
}

struct open_umask {
  mode_t before = ::umask(0);
  ~open_umask() { ::umask(before); }
};

TEST(TokenStore, KeepsALoginForItsUserAlone) {
  const own_folder folder;
  const open_umask nothing_masked;
  const token_store store(folder / "new/weir/kitsu.json");
  EXPECT_FALSE(store.read());
  store.save(a_login());
  EXPECT_EQ(mode_of(folder / "new/weir/kitsu.json"), 0600u);
  EXPECT_EQ(mode_of(folder / "new/weir"), 0700u);
  const auto kept = store.read();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->host, a_login().host);
  EXPECT_EQ(kept->email, a_login().email);
  EXPECT_EQ(kept->tokens.access, "access-1");
  EXPECT_EQ(kept->tokens.refresh, "refresh-1");
  EXPECT_EQ(kept->ca_file, "/etc/own-ca.pem");
  EXPECT_EQ(kept->client_certificate_file, "/etc/me.pem");
  EXPECT_TRUE(kept->allow_plain_http);
}

TEST(TokenStore, ReplacesAsAWholeAndLeavesNothingBeside) {
  const own_folder folder;
  const token_store store(folder / "kitsu.json");
  store.save(a_login());
  struct stat before{}, after{};
  ASSERT_EQ(::stat((folder / "kitsu.json").c_str(), &before), 0);
  auto next = a_login();
  next.tokens = {"access-2", ""};
  store.save(next);
  ASSERT_EQ(::stat((folder / "kitsu.json").c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino); // another file under the name, not the old one written over
  EXPECT_EQ(mode_of(folder / "kitsu.json"), 0600u);
  EXPECT_EQ(store.read()->tokens.access, "access-2");
  EXPECT_EQ(store.read()->tokens.refresh, "");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 1u);
}

TEST(TokenStore, RefusesAFileThatOthersMayReadOrWrite) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0666}) {
    const own_folder folder;
    const token_store store(folder / "kitsu.json");
    store.save(a_login());
    ASSERT_EQ(::chmod((folder / "kitsu.json").c_str(), mode), 0);
    const auto [code, text] = failure_of([&] { store.read(); });
    EXPECT_EQ(code, errc::permission_denied) << mode;
    EXPECT_NE(text.find("others may read or write it"), text.npos) << text;
    EXPECT_NE(text.find("chmod 600"), text.npos) << text;
    EXPECT_EQ(failure_of([&] { store.save(a_login()); }).first, errc::permission_denied) << mode;
    EXPECT_TRUE(store.forget()); // which is what the text says to do
    store.save(a_login());
  }
}

TEST(TokenStore, RefusesAFileOfSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const own_folder folder;
  const token_store store(folder / "kitsu.json");
  store.save(a_login());
  ASSERT_EQ(::chown((folder / "kitsu.json").c_str(), 65534, 65534), 0);
  const auto [code, text] = failure_of([&] { store.read(); });
  EXPECT_EQ(code, errc::permission_denied);
  EXPECT_NE(text.find("belongs to somebody else"), text.npos) << text;
}

TEST(TokenStore, FollowsNoLink) {
  const own_folder folder;
  const token_store other(folder / "other.json"), store(folder / "kitsu.json");
  other.save(a_login());
  const std::string before = content_of(folder / "other.json");
  ASSERT_EQ(::symlink("other.json", (folder / "kitsu.json").c_str()), 0);
  EXPECT_EQ(failure_of([&] { store.read(); }).first, errc::permission_denied);
  auto next = a_login();
  next.tokens.access = "access-2";
  EXPECT_EQ(failure_of([&] { store.save(next); }).first, errc::permission_denied);
  EXPECT_EQ(content_of(folder / "other.json"), before);
  EXPECT_TRUE(store.forget());
  EXPECT_EQ(content_of(folder / "other.json"), before);
}

TEST(TokenStore, WaitsForNoFifo) {
  const own_folder folder;
  ASSERT_EQ(::mkfifo((folder / "kitsu.json").c_str(), 0600), 0);
  EXPECT_EQ(failure_of([&] { token_store(folder / "kitsu.json").read(); }).first, errc::permission_denied);
}

TEST(TokenStore, SaysWhatIsNoLogin) {
  for (const std::string& content : {std::string("{"), std::string("[]"), std::string("{\"host\":\"https://h\"}"),
                                     std::string("{\"access_token\":\"a\"}"), std::string(100'000, ' ') + "{}"}) {
    const own_folder folder;
    write_to(folder / "kitsu.json", content);
    ASSERT_EQ(::chmod((folder / "kitsu.json").c_str(), 0600), 0);
    const auto [code, text] = failure_of([&] { token_store(folder / "kitsu.json").read(); });
    EXPECT_EQ(code, errc::corrupt) << content.substr(0, 40);
    EXPECT_NE(text.find("weir kitsu login"), text.npos) << text;
  }
}

TEST(TokenStore, RenewsOnlyTheLoginThatIsStillThere) {
  const own_folder folder;
  const token_store store(folder / "kitsu.json");
  EXPECT_FALSE(store.renew(a_login(), {"access-2", "refresh-1"}));
  EXPECT_FALSE(store.read()); // logged out meanwhile: it stays so
  store.save(a_login());
  auto other = a_login();
  other.host = "https://elsewhere.example.com/api";
  EXPECT_FALSE(store.renew(other, {"access-2", "refresh-2"}));
  EXPECT_EQ(store.read()->tokens.access, "access-1");
  EXPECT_TRUE(store.renew(a_login(), {"access-2", "refresh-1"}));
  EXPECT_EQ(store.read()->tokens.access, "access-2");
  EXPECT_EQ(store.read()->ca_file, "/etc/own-ca.pem");
}

TEST(TokenStore, ForgetsAlsoNothing) {
  const own_folder folder;
  const token_store store(folder / "a/kitsu.json");
  EXPECT_FALSE(store.forget());
  store.save(a_login());
  EXPECT_TRUE(store.forget());
  EXPECT_FALSE(store.read());
}

TEST(TokenStore, NamesItsPlaceAsPeopleDo) {
  const auto in = [](std::map<std::string, std::string> set) {
    return [set](std::string_view name) -> std::optional<std::string> {
      const auto found = set.find(std::string(name));
      return found == set.end() ? std::nullopt : std::optional(found->second);
    };
  };
  const own_folder folder;
  EXPECT_EQ(token_store::at_usual_place(in({{"HOME", folder / "h"}})).shown(), "~/.config/weir/kitsu.json");
  token_store::at_usual_place(in({{"HOME", folder / "h"}, {"XDG_CONFIG_HOME", "relative"}})).save(a_login());
  EXPECT_EQ(mode_of(folder / "h/.config/weir/kitsu.json"), 0600u);
  token_store::at_usual_place(in({{"HOME", folder / "h"}, {"XDG_CONFIG_HOME", folder / "x"}})).save(a_login());
  EXPECT_EQ(mode_of(folder / "x/weir/kitsu.json"), 0600u);
  token_store::at_usual_place(in({{"HOME", folder / "h"}, {"WEIR_KITSU_LOGIN", folder / "w.json"}})).save(a_login());
  EXPECT_EQ(mode_of(folder / "w.json"), 0600u);
  EXPECT_EQ(failure_of([&] { token_store::at_usual_place(in({})); }).first, errc::not_configured);
}

TEST(TokenStore, KeepsNoLoginWithoutTokens) {
  const own_folder folder;
  auto none = a_login();
  none.tokens = {};
  EXPECT_EQ(failure_of([&] { token_store(folder / "k.json").save(none); }).first, errc::invalid_argument);
}

} // namespace
} // namespace weir::kitsu

#pragma once

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

/// The real server that the tests talk to, as `tests/kitsu/zou up` described it.
///
/// All tests share one server, at the same time. They may write into the productions Aurora and Bastion, with names of
/// their own; Cinder stays as it was filled, so that what is in it can be counted. The account lockout@example.com is
/// for failures to log in: it is locked for a minute afterwards.
class zou {
 public:
  static const zou& get() {
    static const zou one;
    return one;
  }

  const json::object& facts() const { return facts_; }
  std::string url() const { return text("url"); }         ///< http://127.0.0.1:PORT
  std::string api_url() const { return text("api_url"); } ///< the same below /api, as behind a studio's proxy
  std::string event_url() const { return text("event_url"); }
  std::string email() const { return text_of(object("admin"), "email"); }
  std::string password() const { return text_of(object("admin"), "password"); }

  /// "id", "password", "role", "expired_token", "refresh_token"; "otp_secret" and "recovery_codes" where there are two
  /// factors. Addresses: admin, manager, artist, totp, recovery, disabled, default, lockout, each @example.com.
  const json::object& person(std::string_view email) const { return object("persons").at(email).as_object(); }
  std::string project(std::string_view name) const { return text_of(object("projects"), name); }
  std::string text(std::string_view name) const { return text_of(facts_, name); }
  const json::object& object(std::string_view name) const { return facts_.at(name).as_object(); }

  /// "id", "path" to download it, "size", "sha256", "status"; of kind picture, movie, archive, processing or broken.
  std::vector<json::object> previews(std::string_view kind) const {
    std::vector<json::object> found;
    for (const json::value& one : facts_.at("previews").as_array())
      if (text_of(one.as_object(), "kind") == kind) found.push_back(one.as_object());
    return found;
  }

  static std::string text_of(const json::object& of, std::string_view name) {
    return std::string(std::string_view(of.at(name).as_string()));
  }

 private:
  zou() {
    const char* file = std::getenv("WEIR_ZOU");
    if (!file)
      throw error(errc::not_configured,
                  "these tests need a server: start one with `tests/kitsu/zou up --dir D`, and set "
                  "WEIR_ZOU to D/zou.json (ctest does both)");
    std::ifstream in(file, std::ios::binary);
    if (!in)
      throw error(errc::not_found, "WEIR_ZOU names no file that can be read: is the server still running? Start it "
                                   "with `tests/kitsu/zou up`");
    std::ostringstream text;
    text << in.rdbuf();
    facts_ = json::parse(text.str()).as_object();
  }

  json::object facts_;
};

} // namespace weir::test

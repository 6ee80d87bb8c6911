#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/files/publish.hpp>
#include <weir/kitsu/token_store.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir::kitsu {
namespace {

constexpr std::size_t max_file_bytes = 64 * 1024;

struct split_path {
  std::string folder, name;
};

split_path split(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  if (slash == file.npos) return {".", file};
  return {slash == 0 ? "/" : file.substr(0, slash), file.substr(slash + 1)};
}

[[noreturn]] void refuse(const std::string& shown, const std::string& why) {
  throw error(errc::permission_denied, "the login in " + shown + " is not used: " + why);
}

/// Opens the file where it is safe; nothing where there is none.
unique_fd open_checked(const std::string& file, const std::string& shown) {
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    if (errno == ELOOP) refuse(shown, "it is a link; remove it and log in again: weir kitsu login");
    throw errno_error(errno, "the login in " + shown);
  }
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) throw errno_error(errno, "the login in " + shown);
  if (!S_ISREG(about.st_mode)) refuse(shown, "it is no regular file");
  if (about.st_uid != ::geteuid()) refuse(shown, "it belongs to somebody else");
  if ((about.st_mode & 077) != 0)
    refuse(shown, "others may read or write it, so that its tokens may be known to them. Make it yours alone (chmod "
                  "600), or better log in again: weir kitsu logout, then weir kitsu login");
  return fd;
}

std::string all_of(const unique_fd& fd, const std::string& shown) {
  std::string text(max_file_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "the login in " + shown);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

stored_login login_in(const std::string& text, const std::string& shown) {
  const auto broken = [&shown] {
    return error(errc::corrupt, "the file " + shown + " holds no login; log in again: weir kitsu login");
  };
  if (text.size() > max_file_bytes) throw broken();
  json::value parsed;
  try {
    parsed = json::parse(text);
  } catch (const error&) {
    throw broken();
  }
  const json::object* fields = parsed.if_object();
  if (!fields) throw broken();
  stored_login login;
  login.host = json::string_or(*fields, "host");
  login.email = json::string_or(*fields, "email");
  login.tokens = {json::string_or(*fields, "access_token"), json::string_or(*fields, "refresh_token")};
  login.ca_file = json::string_or(*fields, "ca_file");
  login.client_certificate_file = json::string_or(*fields, "client_certificate_file");
  login.allow_plain_http = json::bool_or(*fields, "allow_plain_http", false);
  if (login.host.empty() || login.tokens.empty()) throw broken();
  return login;
}

} // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (!value || std::string_view(value).find_first_not_of(" \t\r\n") == std::string_view::npos) return std::nullopt;
  return value;
}

token_store token_store::at_usual_place(const environment& env) {
  if (const auto file = env("WEIR_KITSU_LOGIN")) return token_store(*file);
  // XDG Base Directory Specification: a relative path in the variable is to be ignored.
  if (const auto folder = env("XDG_CONFIG_HOME"); folder && folder->starts_with('/'))
    return {*folder + "/weir/kitsu.json", "$XDG_CONFIG_HOME/weir/kitsu.json"};
  if (const auto home = env("HOME")) return {*home + "/.config/weir/kitsu.json", "~/.config/weir/kitsu.json"};
  throw error(errc::not_configured, "there is no place for the login: set HOME, or WEIR_KITSU_LOGIN to a file's name");
}

std::optional<stored_login> token_store::read() const {
  const unique_fd fd = open_checked(file_, shown_);
  if (!fd) return std::nullopt;
  return login_in(all_of(fd, shown_), shown_);
}

void token_store::save(const stored_login& login) const {
  if (login.host.empty() || login.tokens.empty())
    throw error(errc::invalid_argument, "a login without host or tokens cannot be kept");
  open_checked(file_, shown_);
  json::object fields{{"host", login.host}, {"access_token", login.tokens.access}};
  if (!login.email.empty()) fields["email"] = login.email;
  if (!login.tokens.refresh.empty()) fields["refresh_token"] = login.tokens.refresh;
  if (!login.ca_file.empty()) fields["ca_file"] = login.ca_file;
  if (!login.client_certificate_file.empty()) fields["client_certificate_file"] = login.client_certificate_file;
  if (login.allow_plain_http) fields["allow_plain_http"] = true;
  const split_path where = split(file_);
  try {
    const files::root folder = files::root::open_or_create(where.folder, {.folder_mode = 0700});
    auto file = files::publication::reserve(folder, where.name,
                                            {.on_conflict = files::on_conflict::replace,
                                             .mode = 0600,
                                             .expected_bytes = 0,
                                             .max_bytes = max_file_bytes,
                                             .sync = files::sync_policy::file});
    file.write(json::serialize_pretty(json::value(std::move(fields))) + "\n");
    file.commit();
  } catch (const error& problem) {
    throw error(problem.code(), "the login cannot be kept in " + shown_ + ": " + problem.what());
  }
}

bool token_store::renew(const stored_login& of, const tokens& fresh) const {
  auto now = read();
  if (!now || now->host != of.host || now->email != of.email) return false;
  now->tokens = fresh;
  save(*now);
  return true;
}

bool token_store::forget() const {
  if (::unlink(file_.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw errno_error(errno, "the login in " + shown_ + " cannot be removed");
}

bool token_store::exists() const noexcept { return ::access(file_.c_str(), F_OK) == 0; }

} // namespace weir::kitsu

#include "http/tls_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fstream>

extern char** environ;

namespace weir::test {
namespace {

constexpr const char* nginx_program = "/usr/sbin/nginx";

/// nginx with HTTP/2 over TLS on a free port, serving "small" (1 KB) and "big" (20 MB).
class nginx {
 public:
  explicit nginx(const authority& a) {
    ::mkdtemp(folder_.data());
    const key_ptr key(EVP_EC_gen("P-256"));
    const cert_ptr cert =
        a.make("server", key.get(), a.ca.get(), a.ca_key.get(), "CA:FALSE", "DNS:localhost,IP:127.0.0.1", 3600);
    write("c.pem", authority::pem_of(cert.get()));
    const std::unique_ptr<BIO, freed<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    write("k.pem", {data, static_cast<std::size_t>(size)});
    write("small", std::string(1000, 's'));
    write("big", std::string(20'000'000, 'b'));
    std::string text =
        "daemon off; master_process off; pid D/pid; error_log D/log;\nevents { }\nhttp { access_log off; ";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      text += std::string(kind) + "_temp_path D/" + kind + "; ";
    port_ = free_port();
    text += "server { listen 127.0.0.1:" + std::to_string(port_) +
            " ssl http2; ssl_certificate D/c.pem; ssl_certificate_key D/k.pem; root D; } }\n";
    for (auto at = text.find("D/"); at != std::string::npos; at = text.find("D/")) text.replace(at, 1, folder_);
    text.replace(text.find("root D;"), 7, "root " + folder_ + ";");
    write("nginx.conf", text);
    const std::string conf = folder_ + "/nginx.conf";
    const char* arguments[] = {nginx_program, "-c", conf.c_str(), "-p", folder_.c_str(), nullptr};
    if (::posix_spawn(&pid_, nginx_program, nullptr, nullptr, const_cast<char**>(arguments), environ) != 0) pid_ = -1;
    for (int i = 0; i < 500 && !answers(); ++i) std::this_thread::sleep_for(20ms);
  }
  ~nginx() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  std::string url(const std::string& path) const { return "https://localhost:" + std::to_string(port_) + path; }

 private:
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
  }
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }
  static int free_port() {
    const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  bool answers() const {
    const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port_);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  std::string folder_ = (std::filesystem::temp_directory_path() / "weir-h2-XXXXXX").string();
  int port_ = 0;
  pid_t pid_ = -1;
};

} // namespace

TEST(client_h2, a_hundred_requests_share_a_connection_and_streams_have_their_own) {
  if (::access(nginx_program, X_OK) != 0) FAIL() << "nginx is not installed: apt-get install nginx-light";
  const authority ours;
  const temporary_file file(ours.pem());
  const nginx server(ours);
  weir::run([](const nginx& s, std::string ca) -> task<void> {
    client web(trusting(ca));
    for (int round = 0; round < 3; ++round) { // a handle that has served HTTP/2 is used again
      std::vector<task<client_response>> works;
      for (int i = 0; i < 100; ++i) works.push_back(web.send({.url = s.url("/small")}));
      for (const auto& answer : co_await weir::gather(std::move(works))) EXPECT_EQ(answer.body.size(), 1000u);
    }
    EXPECT_EQ(web.pool().stats().opened_connections, 1u);
    // A bulk transfer would be buffered without bound on a paused HTTP/2 stream: it goes over HTTP/1.1.
    std::size_t got = 0;
    co_await web.stream({.url = s.url("/big")}, [&](std::span<const std::byte> piece) -> task<void> {
      got += piece.size();
      co_return;
    });
    EXPECT_EQ(got, 20'000'000u);
    EXPECT_EQ(web.pool().stats().opened_connections, 2u);
    EXPECT_EQ((co_await web.send({.url = s.url("/small")})).status, 200);
    EXPECT_EQ(web.pool().stats().opened_connections, 2u);
  }(server, file.path));
}

TEST(client_h2, cancelling_many_streams_is_immediate) {
  if (::access(nginx_program, X_OK) != 0) FAIL() << "nginx is not installed: apt-get install nginx-light";
  const authority ours;
  const temporary_file file(ours.pem());
  const nginx server(ours);
  weir::run([](const nginx& s, std::string ca) -> task<void> {
    client web(trusting(ca));
    co_await web.send({.url = s.url("/small")});
    std::chrono::steady_clock::time_point asked;
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      for (int i = 0; i < 50; ++i) group.spawn([&]() -> task<void> { co_await web.send({.url = s.url("/big")}); });
      co_await weir::sleep_for(30ms);
      asked = std::chrono::steady_clock::now();
      group.cancel();
    });
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 10s);
    EXPECT_EQ(web.pool().stats().in_flight, 0u);
    EXPECT_EQ((co_await web.send({.url = s.url("/small")})).status, 200);
  }(server, file.path));
}

} // namespace weir::test

#include "http/client_fixture.hpp"
#include "http/tls_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>

namespace weir::test {
namespace {

/// An HTTP/1.1 server over TLS: answers every request with its request line.
class tls_server {
 public:
  tls_server(const authority& a, const char* alt, long seconds = 3600) : context_(SSL_CTX_new(TLS_server_method())) {
    const key_ptr key(EVP_EC_gen("P-256"));
    const cert_ptr cert = a.make("server", key.get(), a.ca.get(), a.ca_key.get(), "CA:FALSE", alt, seconds);
    SSL_CTX_use_certificate(context_, cert.get());
    SSL_CTX_use_PrivateKey(context_, key.get());
    server_ = std::make_unique<fault_server>([this](wire& w) { serve(w.fd()); });
  }
  ~tls_server() {
    server_.reset();
    SSL_CTX_free(context_);
  }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(server_->port()) + "/";
  }
  int connections() const { return server_->connections(); }

 private:
  void serve(int fd) {
    const std::unique_ptr<SSL, freed<SSL_free>> ssl(SSL_new(context_));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string all;
    char piece[4096];
    for (;;) {
      const int n = SSL_read(ssl.get(), piece, sizeof piece);
      if (n <= 0) return;
      all.append(piece, static_cast<std::size_t>(n));
      for (auto end = all.find("\r\n\r\n"); end != std::string::npos; end = all.find("\r\n\r\n")) {
        const std::string body = request_line(all);
        all.erase(0, end + 4);
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
      }
    }
  }

  SSL_CTX* context_;
  std::unique_ptr<fault_server> server_;
};

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

} // namespace

TEST(client_tls, an_authority_of_ones_own_is_accepted_by_name_and_address) {
  const authority ours;
  const temporary_file file(ours.pem());
  const tls_server server(ours, "DNS:localhost,IP:127.0.0.1");
  EXPECT_EQ(send({.url = server.url()}, trusting(file.path)).body, "GET /");
  EXPECT_EQ(send({.url = server.url("localhost")}, trusting(file.path)).body, "GET /");
}

TEST(client_tls, everything_else_is_refused_before_a_byte_is_sent) {
  const authority ours;
  const authority theirs{.name = "another authority"};
  const temporary_file file(ours.pem());
  const tls_server unknown(theirs, "IP:127.0.0.1");
  const tls_server other_name(ours, "DNS:example.org");
  const tls_server expired(ours, "IP:127.0.0.1", -3600);
  for (const tls_server* server : {&unknown, &other_name, &expired}) {
    const failed f = failure_of({.url = server->url()}, trusting(file.path));
    EXPECT_EQ(f.code, errc::unavailable);
    EXPECT_FALSE(f.request_sent);
    EXPECT_NE(f.text.find("certificate"), std::string::npos) << f.text;
  }
  const tls_server good(ours, "IP:127.0.0.1");
  const failed f = failure_of({.url = good.url()}); // the system's authorities alone
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_FALSE(f.request_sent);
}

TEST(client_tls, a_plain_server_is_no_tls_server) {
  fault_server plain(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "x"); }));
  const failed f = failure_of({.url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/"}, [] {
    client_options options = direct();
    options.timeouts.connect = 1000ms;
    return options;
  }());
  EXPECT_TRUE(f.code == errc::unavailable || f.code == errc::timeout) << f.text;
  EXPECT_FALSE(f.request_sent);
}

TEST(client_tls, a_list_of_authorities_that_cannot_be_read) {
  const auto code = [](const std::string& path) {
    try {
      send({.url = "https://127.0.0.1:1/"}, trusting(path));
    } catch (const weir::error& e) {
      return e.code();
    }
    return errc::internal;
  };
  EXPECT_EQ(code("/nonexistent/ca.pem"), errc::not_found);
  const temporary_file nonsense("hello");
  EXPECT_EQ(code(nonsense.path), errc::invalid_argument);
}

TEST(client_tls, many_connections_parse_the_authorities_once) {
  const authority ours;
  const temporary_file file(ours.pem());
  const tls_server server(ours, "IP:127.0.0.1");
  const double spent = weir::run([](const tls_server& s, std::string ca) -> task<double> {
    client web(trusting(ca));
    co_await web.send({.url = s.url()});
    const double before = cpu_seconds();
    // Not repeatable: a connection, and a check of the certificate, each.
    for (int i = 0; i < 20; ++i) EXPECT_EQ((co_await web.send({.url = s.url(), .idempotent = false})).status, 200);
    co_return (cpu_seconds() - before) / 20;
  }(server, file.path));
  EXPECT_EQ(server.connections(), 21);
  // 20 ms each where the system's list is parsed anew, 1.3 ms where it is not. Sanitizers are slow at both.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LT(spent, 0.009);
#else
  (void)spent;
#endif
}

TEST(client_tls, no_redirect_from_https_to_http) {
  // Shown with the rule itself: a TLS server that redirects would only add noise.
  const authority ours;
  const temporary_file file(ours.pem());
  fault_server plain(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "plain"); }));
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const key_ptr key(EVP_EC_gen("P-256"));
  const cert_ptr cert =
      ours.make("server", key.get(), ours.ca.get(), ours.ca_key.get(), "CA:FALSE", "IP:127.0.0.1", 3600);
  SSL_CTX_use_certificate(context, cert.get());
  SSL_CTX_use_PrivateKey(context, key.get());
  {
    fault_server secure([&](wire& w) {
      const std::unique_ptr<SSL, freed<SSL_free>> ssl(SSL_new(context));
      SSL_set_fd(ssl.get(), w.fd());
      char piece[4096];
      if (SSL_accept(ssl.get()) != 1 || SSL_read(ssl.get(), piece, sizeof piece) <= 0) return;
      const std::string answer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + plain.url() + "\r\n\r\n";
      SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
      w.wait_for_close(5000);
    });
    const failed f =
        failure_of({.url = "https://127.0.0.1:" + std::to_string(secure.port()) + "/"}, trusting(file.path));
    EXPECT_EQ(f.code, errc::remote);
    EXPECT_NE(f.text.find("not encrypted"), std::string::npos) << f.text;
    EXPECT_EQ(plain.connections(), 0);
  }
  SSL_CTX_free(context);
}

TEST(client_proxy, comes_from_the_environment_unless_told_otherwise) {
  std::string seen;
  fault_server proxy(fault_server::per_request([&](const std::string& head, wire& w) {
    seen = head;
    w.answer(200, "by proxy");
  }));
  client_options from_environment;
  from_environment.retry = retry_policy::never();
  ::setenv("http_proxy", proxy.url("").c_str(), 1);
  ::unsetenv("no_proxy");
  ::unsetenv("NO_PROXY");
  EXPECT_EQ(send({.url = "http://no-such-name.invalid/x"}, from_environment).body, "by proxy");
  EXPECT_EQ(request_line(seen), "GET http://no-such-name.invalid/x");
  ::setenv("no_proxy", "no-such-name.invalid", 1);
  EXPECT_EQ(failure_of({.url = "http://no-such-name.invalid/x"}, from_environment).code, errc::unavailable);
  ::unsetenv("no_proxy");
  EXPECT_EQ(failure_of({.url = "http://no-such-name.invalid/x"}, direct()).code, errc::unavailable);
  ::unsetenv("http_proxy");
  client_options named = direct();
  named.pool.proxy = proxy.url("");
  EXPECT_EQ(send({.url = "http://no-such-name.invalid/y"}, named).body, "by proxy");
}

} // namespace weir::test

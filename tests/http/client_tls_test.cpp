#include "http/client_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>

namespace weir::test {
namespace {

template <auto Free>
struct freed {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, freed<X509_free>>;

/// A certificate authority of this test, and a certificate for 127.0.0.1 and "localhost" signed by it.
struct authority {
  const char* name = "weir test authority";
  key_ptr ca_key{EVP_EC_gen("P-256")};
  cert_ptr ca = make(name, ca_key.get(), nullptr, ca_key.get(), "CA:TRUE", nullptr, 3600);

  cert_ptr make(const char* subject_name, EVP_PKEY* key, X509* issuer, EVP_PKEY* signer, const char* basic,
                const char* alt, long seconds) const {
    cert_ptr cert(X509_new());
    static std::atomic<long> serial{1};
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), seconds);
    X509_set_pubkey(cert.get(), key);
    X509_NAME* subject = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(subject_name), -1,
                               -1, 0);
    X509_set_issuer_name(cert.get(), issuer ? X509_get_subject_name(issuer) : subject);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer ? issuer : cert.get(), cert.get(), nullptr, nullptr, 0);
    const auto extend = [&](int what, const char* value) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
      X509_add_ext(cert.get(), extension, -1);
      X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, basic);
    if (alt) extend(NID_subject_alt_name, alt);
    X509_sign(cert.get(), signer, EVP_sha256());
    return cert;
  }

  std::string pem() const {
    const std::unique_ptr<BIO, freed<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), ca.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

/// A file that is gone with this object.
struct temporary_file {
  std::string path = (std::filesystem::temp_directory_path() / "weir-ca-XXXXXX").string();
  explicit temporary_file(const std::string& content) {
    const int fd = ::mkstemp(path.data());
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
  }
  ~temporary_file() { ::unlink(path.c_str()); }
};

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

client_options trusting(const std::string& ca_file) {
  client_options options = direct();
  options.pool.ca_file = ca_file;
  return options;
}

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

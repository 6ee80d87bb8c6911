// Encryption: what an older client of the same API does wrong, one test each: it fails where ours does so.
#include "http/fault_server.hpp"
#include "http/tls_fixture.hpp"
#include "kitsu/stub_fixture.hpp"

#include <openssl/ssl.h>

#include <mutex>

namespace weir::kitsu::stubbed {
namespace {

using test::authority;
using test::cert_ptr;
using test::fault_server;
using test::freed;
using test::key_ptr;
using test::temporary_file;
using test::wire;

/// An API over TLS that answers every request with [1] and keeps the heads.
class tls_api {
 public:
  explicit tls_api(const authority& a, const char* alt = "IP:127.0.0.1", long seconds = 3600)
      : context_(SSL_CTX_new(TLS_server_method())) {
    const key_ptr key(EVP_EC_gen("P-256"));
    const cert_ptr cert = a.make("server", key.get(), a.ca.get(), a.ca_key.get(), "CA:FALSE", alt, seconds);
    SSL_CTX_use_certificate(context_, cert.get());
    SSL_CTX_use_PrivateKey(context_, key.get());
    server_ = std::make_unique<fault_server>([this](wire& w) { serve(w.fd()); });
  }
  ~tls_api() {
    server_.reset();
    SSL_CTX_free(context_);
  }
  /// Lets in only who has a certificate that `a` has signed.
  void demand_certificate(const authority& a) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), a.ca.get());
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  std::string host() const { return "https://127.0.0.1:" + std::to_string(server_->port()) + "/api"; }
  int connections() const { return server_->connections(); }
  std::string heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  void serve(int fd) {
    const std::unique_ptr<SSL, freed<SSL_free>> ssl(SSL_new(context_));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string all;
    char piece[4096];
    for (int n; (n = SSL_read(ssl.get(), piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<std::size_t>(n));
      if (all.find("\r\n\r\n") == std::string::npos) continue;
      {
        const std::lock_guard lock(mutex_);
        heads_ += all;
      }
      all.clear();
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]";
      SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
    }
  }

  SSL_CTX* context_;
  mutable std::mutex mutex_;
  std::string heads_;
  std::unique_ptr<fault_server> server_;
};

std::optional<failed_call> failure_at(const tls_api& api, kitsu::client_options options) {
  return on_loop([&]() -> task<std::optional<failed_call>> {
    kitsu::client studio(api.host(), kitsu::tokens{"secret-token", ""}, options);
    co_return co_await failure_of(studio.get("data/x"));
  });
}

TEST(kitsu_defects, D1_a_server_whose_certificate_is_not_trusted_gets_no_token) {
  const authority ours;
  const authority theirs{.name = "another authority"};
  const temporary_file file(ours.pem());
  const tls_api unknown(theirs), other_name(ours, "DNS:kitsu.example.org"), expired(ours, "IP:127.0.0.1", -3600);
  kitsu::client_options options = once();
  options.ca_file = file.path;
  for (const tls_api* api : {&unknown, &other_name, &expired}) {
    const auto f = failure_at(*api, options);
    EXPECT_TRUE(f && f->why == failure::unreachable);
    if (f) EXPECT_NE(f->message.find("certificate"), std::string::npos) << f->message;
    EXPECT_GE(api->connections(), 1);
    EXPECT_EQ(api->heads(), "");
  }
  // Without options: by the authorities of the system.
  const tls_api own(ours);
  EXPECT_TRUE(failure_at(own, once()));
  EXPECT_EQ(own.heads(), "");
}

TEST(kitsu_defects, D38_a_studio_with_an_authority_of_its_own_is_reached) {
  const authority ours;
  const temporary_file file(ours.pem());
  const tls_api api(ours);
  kitsu::client_options options = once();
  options.ca_file = file.path;
  const auto f = failure_at(api, options);
  EXPECT_FALSE(f) << f->message;
  EXPECT_NE(api.heads().find("Authorization: Bearer secret-token"), std::string::npos);
}

std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, freed<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

TEST(kitsu_defects, D38_a_server_that_wants_a_certificate_of_its_clients_is_reached_with_one) {
  const authority ours;
  const temporary_file file(ours.pem());
  tls_api api(ours);
  api.demand_certificate(ours);
  kitsu::client_options options = once();
  options.ca_file = file.path;
  EXPECT_TRUE(failure_at(api, options)) << "without one";
  EXPECT_EQ(api.heads(), "");

  const key_ptr key(EVP_EC_gen("P-256"));
  const cert_ptr own = ours.make("client", key.get(), ours.ca.get(), ours.ca_key.get(), "CA:FALSE", nullptr, 3600);
  const temporary_file both(authority::pem_of(own.get()) + pem_of(key.get()));
  options.client_certificate_file = both.path;
  const auto f = failure_at(api, options);
  EXPECT_FALSE(f) << f->message;
  EXPECT_NE(api.heads().find("GET /api/data/x"), std::string::npos);

  for (const std::string& wrong : {file.path, std::string("/no/such/file")}) {
    options.client_certificate_file = wrong; // no key in it, and none at all
    EXPECT_THROW(on_loop([&]() -> task<void> {
                   kitsu::client studio(api.host(), options);
                   co_return;
                 }),
                 error);
  }
}

} // namespace
} // namespace weir::kitsu::stubbed

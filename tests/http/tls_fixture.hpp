#pragma once

#include "http/client_fixture.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

namespace weir::test {

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

  std::string pem() const { return pem_of(ca.get()); }

  static std::string pem_of(X509* cert) {
    const std::unique_ptr<BIO, freed<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), cert);
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

inline client_options trusting(const std::string& ca_file) {
  client_options options = direct();
  options.pool.ca_file = ca_file;
  return options;
}

} // namespace weir::test

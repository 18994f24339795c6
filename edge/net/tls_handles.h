// Owners of OpenSSL's objects. Internal to edge/net/tls*: nobody else sees OpenSSL's types.
//
// Thread rule: as their objects.
#pragma once

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#include <memory>

namespace perigee::net {

template <auto release>
struct TlsRelease {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using BioHandle = std::unique_ptr<BIO, TlsRelease<BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, TlsRelease<X509_free>>;
using CipherHandle = std::unique_ptr<EVP_CIPHER, TlsRelease<EVP_CIPHER_free>>;
using CipherContextHandle = std::unique_ptr<EVP_CIPHER_CTX, TlsRelease<EVP_CIPHER_CTX_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, TlsRelease<EVP_PKEY_free>>;
using ContextHandle = std::unique_ptr<SSL_CTX, TlsRelease<SSL_CTX_free>>;
using SessionHandle = std::unique_ptr<SSL_SESSION, TlsRelease<SSL_SESSION_free>>;
using OcspHandle = std::unique_ptr<OCSP_RESPONSE, TlsRelease<OCSP_RESPONSE_free>>;
using OcspBasicHandle = std::unique_ptr<OCSP_BASICRESP, TlsRelease<OCSP_BASICRESP_free>>;

// A view of PEM text as a BIO; the text must outlive it.
inline BioHandle bio_of(std::string_view text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace perigee::net

#include "edge/net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstring>

namespace perigee::net {
namespace {

constexpr size_t name_bytes = 16;

bool init_cipher(EVP_CIPHER_CTX* cipher, const TlsTicketKey& key, const unsigned char* iv, bool seal) {
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, seal ? 1 : 0) == 1;
}

bool init_seal(EVP_MAC_CTX* mac, const TlsTicketKey& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.seal.data()),
                                        key.seal.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

// Returns as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) says: 1 good, 2 good but seal it anew, 0 no ticket,
// -1 failure.
int on_ticket(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seal) {
  const TlsTicketKeys* keys = TlsTicketKeys::of(session);
  if (keys == nullptr) return 0;
  if (seal != 0) {
    const TlsTicketKey& key = keys->newest();
    std::memcpy(name, key.name.data(), name_bytes);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    return init_cipher(cipher, key, iv, true) && init_seal(mac, key) ? 1 : -1;
  }
  const TlsTicketKey* key = keys->find(name);
  if (key == nullptr) return 0;
  if (!init_seal(mac, *key) || !init_cipher(cipher, *key, iv, false)) return -1;
  // RFC 8446 C.4: in TLS 1.3 a ticket is used once, so each resumption gets another.
  const bool renew = key != &keys->newest() || SSL_version(session) == TLS1_3_VERSION;
  return renew ? 2 : 1;
}

}  // namespace

TlsTicketKeys::TlsTicketKeys(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    keys_.push_back({hmac_sha256(secret, "perigee ticket key name"),
                     hmac_sha256(secret, "perigee ticket encryption"),
                     hmac_sha256(secret, "perigee ticket authentication")});
  }
}

void TlsTicketKeys::install(SSL_CTX& context) const {
  SSL_CTX_set_app_data(&context, const_cast<TlsTicketKeys*>(this));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, on_ticket);
}

const TlsTicketKeys* TlsTicketKeys::of(SSL* session) {
  return static_cast<const TlsTicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
}

const TlsTicketKey* TlsTicketKeys::find(const unsigned char* name) const {
  for (const TlsTicketKey& key : keys_) {
    if (std::memcmp(key.name.data(), name, name_bytes) == 0) return &key;
  }
  return nullptr;
}

}  // namespace perigee::net

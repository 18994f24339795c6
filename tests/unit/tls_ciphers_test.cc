#include "edge/net/tls_ciphers.h"

#include <openssl/err.h>
#include <openssl/provider.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "edge/net/tls_handles.h"
#include "edge/net/tls_policy.h"

namespace perigee::net {
namespace {

constexpr std::array<unsigned char, 32> key = {1, 2, 3};
constexpr std::array<unsigned char, 16> nonce = {7, 8, 9};
constexpr int tag_bytes = 16;

CipherHandle fetch(const char* name, const char* properties) {
  return CipherHandle(EVP_CIPHER_fetch(nullptr, name, properties));
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// The text and its tag.
std::string seal(const EVP_CIPHER* cipher, std::string text) {
  const CipherContextHandle context(EVP_CIPHER_CTX_new());
  REQUIRE(EVP_EncryptInit_ex2(context.get(), cipher, key.data(), nonce.data(), nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_get_iv_length(context.get()) == 12);
  std::string sealed(text.size() + tag_bytes, '\0');
  int size = 0, rest = 0;
  REQUIRE(EVP_EncryptUpdate(context.get(), bytes_of(sealed), &size, bytes_of(text),
                            static_cast<int>(text.size())) == 1);
  REQUIRE(EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + size, &rest) == 1);
  REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, bytes_of(sealed) + size) == 1);
  return sealed;
}

// Whether it is what was sealed.
bool opens(const EVP_CIPHER* cipher, std::string sealed, const std::string& text) {
  const CipherContextHandle context(EVP_CIPHER_CTX_new());
  const auto size = static_cast<int>(sealed.size()) - tag_bytes;
  std::string opened(static_cast<size_t>(size), '\0');
  int got = 0, rest = 0;
  REQUIRE(EVP_DecryptInit_ex2(context.get(), cipher, key.data(), nonce.data(), nullptr) == 1);
  REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, bytes_of(sealed) + size) == 1);
  REQUIRE(EVP_DecryptUpdate(context.get(), bytes_of(opened), &got, bytes_of(sealed), size) == 1);
  return EVP_DecryptFinal_ex(context.get(), bytes_of(opened) + got, &rest) == 1 && opened == text;
}

TEST_CASE("ciphers of TLS are ours by preference, and do as the default provider's", "[net][tls]") {
  REQUIRE(offer_tls_ciphers());
  REQUIRE(offer_tls_ciphers());
  for (const char* name : ciphers_tls13) {
    INFO(name);
    const CipherHandle ours = fetch(name, tls_cipher_properties());
    const CipherHandle theirs = fetch(name, "provider=default");
    REQUIRE(ours != nullptr);
    CHECK(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(ours.get())) == std::string("perigee"));
    const std::string text = "some forty bytes that nobody else may read";
    std::string sealed = seal(ours.get(), text);
    CHECK(sealed == seal(theirs.get(), text));
    CHECK(opens(ours.get(), sealed, text));
    sealed.back() ^= 1;
    CHECK_FALSE(opens(ours.get(), sealed, text));
  }
  ERR_clear_error();
}

TEST_CASE("another length of a nonce than that of TLS is refused", "[net][tls]") {
  REQUIRE(offer_tls_ciphers());
  for (const char* name : ciphers_tls13) {
    INFO(name);
    const CipherHandle ours = fetch(name, tls_cipher_properties());
    const CipherContextHandle context(EVP_CIPHER_CTX_new());
    REQUIRE(EVP_EncryptInit_ex2(context.get(), ours.get(), key.data(), nonce.data(), nullptr) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, 12, nullptr) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, 8, nullptr) != 1);
  }
  ERR_clear_error();
}

TEST_CASE("what we have no cipher for comes from the default provider", "[net][tls]") {
  REQUIRE(offer_tls_ciphers());
  const CipherHandle other = fetch("AES-128-CBC", tls_cipher_properties());
  REQUIRE(other != nullptr);
  CHECK(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(other.get())) == std::string("default"));
}

}  // namespace
}  // namespace perigee::net

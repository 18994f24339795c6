#include "edge/net/tls_hot_memory.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>

#include "edge/net/tls_handles.h"
#include "edge/net/tls_memory.h"
#include "tests/unit/test_files.h"

namespace perigee::net {
namespace {

// Before anything of OpenSSL's, as main() of the node does it.
const bool kept = keep_tls_memory();

using Session = std::unique_ptr<SSL, TlsRelease<SSL_free>>;

struct Pair {
  Pair() {
    const std::string folder = std::string(PERIGEE_SOURCE_DIR) + "/tests/data/certificates/";
    REQUIRE(SSL_CTX_use_certificate_chain_file(server_context.get(), (folder + "a.pem").c_str()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(server_context.get(), (folder + "a.key").c_str(), SSL_FILETYPE_PEM) ==
            1);
    server.reset(SSL_new(server_context.get()));
    client.reset(SSL_new(client_context.get()));
    BIO *ours = nullptr, *theirs = nullptr;
    REQUIRE(BIO_new_bio_pair(&ours, 0, &theirs, 0) == 1);
    SSL_set_bio(server.get(), ours, ours);
    SSL_set_bio(client.get(), theirs, theirs);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
  }
  ContextHandle server_context{SSL_CTX_new(TLS_server_method())};
  ContextHandle client_context{SSL_CTX_new(TLS_client_method())};
  Session server, client;
};

TEST_CASE("the states of a session's ciphers are noted, and those of nobody else", "[net][tls]") {
  REQUIRE(kept);
  learn_tls_layout();
  for (const char* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    INFO(suite);
    Pair pair;
    TlsHotMemory memory, other;
    REQUIRE(SSL_set_ciphersuites(pair.server.get(), suite) == 1);
    for (int i = 0; i < 4; ++i) {
      SSL_do_handshake(pair.client.get());
      const TlsHotMemory::Noting noting(memory);
      SSL_do_handshake(pair.server.get());
    }
    REQUIRE(SSL_is_init_finished(pair.server.get()) == 1);
    // A context and a state for each direction, and nothing of the handshake.
    CHECK(memory.blocks() == 4);
    CHECK(other.blocks() == 0);
    memory.prefetch(pair.server.get(), &pair);
    const TlsHotMemory::Noting noting(memory);
    pair.server.reset();
    CHECK(memory.blocks() == 0);
  }
}

}  // namespace
}  // namespace perigee::net

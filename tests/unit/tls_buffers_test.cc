#include "edge/net/tls_buffers.h"

#include <openssl/ssl.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <memory>
#include <string>

#include "tests/unit/io_rig.h"

namespace perigee::net {
namespace {

// A client and a server that know one key, joined by memory: what the client says the server can read.
struct Pair {
  Pair() {
    for (SSL** end : {&client, &server}) {
      SSL_CTX* context = SSL_CTX_new(end == &client ? TLS_client_method() : TLS_server_method());
      SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
      SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
      SSL_CTX_set_cipher_list(context, "PSK-AES128-GCM-SHA256");
      SSL_CTX_set_psk_client_callback(
          context, [](SSL*, const char*, char* name, unsigned, unsigned char* key, unsigned) {
            return name[0] = 'a', name[1] = 0, key[0] = 1, 1U;
          });
      SSL_CTX_set_psk_server_callback(
          context, [](SSL*, const char*, unsigned char* key, unsigned) { return key[0] = 1, 1U; });
      *end = SSL_new(context);
      SSL_CTX_free(context);
    }
    BIO* ours = nullptr;
    BIO* theirs = nullptr;
    REQUIRE(BIO_new_bio_pair(&ours, 32768, &theirs, 32768) == 1);
    SSL_set_bio(client, ours, ours);
    SSL_set_bio(server, theirs, theirs);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 4; ++i) {
      SSL_do_handshake(client);
      SSL_do_handshake(server);
    }
    REQUIRE(SSL_is_init_finished(server) == 1);
  }
  ~Pair() {
    SSL_free(client);
    SSL_free(server);
  }

  // What the server reads of what the client writes.
  std::string say(const std::string& text) {
    REQUIRE(SSL_write(client, text.data(), static_cast<int>(text.size())) > 0);
    std::array<char, 64> read{};
    const int size = SSL_read(server, read.data(), read.size());
    return {read.data(), static_cast<size_t>(size > 0 ? size : 0)};
  }
  bool releases() const { return (SSL_get_mode(server) & SSL_MODE_RELEASE_BUFFERS) != 0; }

  SSL* client = nullptr;
  SSL* server = nullptr;
};

struct Rig : MemoryRig {
  TlsBuffers buffers{loop};
};

TEST_CASE("a session that is used keeps its buffers, until it was not used for a period") {
  Rig rig;
  Pair pair;
  TlsBuffers::Seat seat;
  CHECK(pair.releases());
  for (int i = 0; i < 4; ++i) {
    CHECK(pair.say("hello") == "hello");
    rig.buffers.use(seat, *pair.server);
    CHECK(!pair.releases());
    rig.world.advance(TlsBuffers::period * 3 / 4);
    CHECK(!pair.releases());
  }
  rig.world.advance(TlsBuffers::period * 2);
  CHECK(pair.releases());
  CHECK(rig.buffers.seated() == 0);
  CHECK(pair.say("again") == "again");
  rig.buffers.use(seat, *pair.server);
  CHECK(!pair.releases());
}

TEST_CASE("only so many sessions keep buffers, and who comes later has a seat when one is free") {
  Rig rig;
  std::deque<Pair> pairs(TlsBuffers::seats_max + 1);
  std::deque<TlsBuffers::Seat> seats(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) rig.buffers.use(seats[i], *pairs[i].server);
  CHECK(rig.buffers.seated() == TlsBuffers::seats_max);
  CHECK(pairs.back().releases());

  // All but two are used on.
  rig.world.advance(TlsBuffers::period);
  for (size_t i = 2; i < pairs.size(); ++i) rig.buffers.use(seats[i], *pairs[i].server);
  rig.world.advance(TlsBuffers::period);
  CHECK(rig.buffers.seated() == TlsBuffers::seats_max - 2);
  CHECK((pairs[0].releases() && pairs[1].releases() && !pairs[2].releases()));
  rig.buffers.use(seats.back(), *pairs.back().server);
  CHECK(!pairs.back().releases());
}

TEST_CASE("a session that ends leaves its seat, and the others keep theirs") {
  Rig rig;
  std::deque<Pair> pairs(3);
  std::deque<TlsBuffers::Seat> seats(3);
  for (size_t i = 0; i < 3; ++i) rig.buffers.use(seats[i], *pairs[i].server);
  seats.pop_front();
  pairs.pop_front();
  CHECK(rig.buffers.seated() == 2);
  rig.world.advance(TlsBuffers::period);
  rig.buffers.use(seats.back(), *pairs.back().server);
  rig.world.advance(TlsBuffers::period);
  CHECK(rig.buffers.seated() == 1);
  CHECK((pairs.front().releases() && !pairs.back().releases()));
  seats.clear();
  CHECK(rig.buffers.seated() == 0);
  rig.world.advance(TlsBuffers::period * 2);
}

TEST_CASE("what was received and not read outlives the seat") {
  Rig rig;
  Pair pair;
  TlsBuffers::Seat seat;
  rig.buffers.use(seat, *pair.server);
  SSL_set_read_ahead(pair.server, 1);
  REQUIRE(SSL_write(pair.client, "one", 3) == 3);
  REQUIRE(SSL_write(pair.client, "two", 3) == 3);
  std::array<char, 8> read{};
  CHECK(SSL_read(pair.server, read.data(), 8) == 3);
  rig.world.advance(TlsBuffers::period * 3);
  CHECK(rig.buffers.seated() == 0);
  CHECK(SSL_read(pair.server, read.data(), 8) == 3);
  CHECK(std::string(read.data(), 3) == "two");
}

}  // namespace
}  // namespace perigee::net

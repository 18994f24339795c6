#include "edge/net/tls_resumption.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::net {
namespace {

TEST_CASE("a session is found under its key, and the last one kept is the one") {
  TlsResumption sessions;
  const auto place = sessions.claim("a 10.0.0.1:443");
  CHECK(place != 0);
  CHECK(sessions.find(place) == nullptr);
  for (int i = 0; i < 2; ++i) {
    SessionHandle session(SSL_SESSION_new());
    SSL_SESSION* const expected = session.get();
    sessions.keep(sessions.claim("a 10.0.0.1:443"), std::move(session));
    CHECK(sessions.claim("a 10.0.0.1:443") == place);
    CHECK(sessions.find(place) == expected);
  }
  CHECK(sessions.find(sessions.claim("a 10.0.0.2:443")) == nullptr);
}

TEST_CASE("sessions of more keys than there is room for give way, and never to a session of another") {
  TlsResumption sessions;
  const auto first = sessions.claim("first");
  sessions.keep(first, SessionHandle(SSL_SESSION_new()));
  for (int i = 0; i < 5000; ++i)
    sessions.keep(sessions.claim(std::to_string(i)), SessionHandle(SSL_SESSION_new()));
  CHECK(sessions.find(first) == nullptr);
  // What comes for a connection of the first now belongs to nobody.
  sessions.keep(first, SessionHandle(SSL_SESSION_new()));
  CHECK(sessions.find(first) == nullptr);
  CHECK(sessions.find(sessions.claim("first")) == nullptr);
  int held = 0;
  for (int i = 0; i < 5000; ++i) held += sessions.find(sessions.claim(std::to_string(i))) != nullptr;
  CHECK(held <= 256);
}

TEST_CASE("a key in use keeps its place among others that come and go") {
  TlsResumption sessions;
  sessions.keep(sessions.claim("kept"), SessionHandle(SSL_SESSION_new()));
  for (int i = 0; i < 5000; ++i) {
    sessions.claim(std::to_string(i));
    REQUIRE(sessions.find(sessions.claim("kept")) != nullptr);
  }
}

}  // namespace
}  // namespace perigee::net

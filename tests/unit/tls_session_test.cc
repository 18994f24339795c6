// A session of ours against OpenSSL as it is, without streams.
#include "edge/net/tls_session.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/net/tls_context.h"
#include "edge/net/tls_handles.h"
#include "tests/unit/test_files.h"

using namespace perigee;
using namespace perigee::net;
using namespace perigee::test;

namespace {

using Result = TlsSession::Result;
using MethodHandle = std::unique_ptr<BIO_METHOD, TlsRelease<BIO_meth_free>>;
using RawSession = std::unique_ptr<SSL, TlsRelease<SSL_free>>;

std::shared_ptr<const TlsCertificate> certificate() {
  return read_tls_certificate({pem("a.pem"), pem("a.key"), ""}, std::nullopt).value();
}

std::shared_ptr<const TlsServerContext> server_context(std::shared_ptr<const TlsCertificate> shown) {
  TlsServerSettings settings;
  settings.hosts.push_back({"*", {std::move(shown)}});
  return TlsServerContext::build(settings).value();
}

// The other side, with memory BIOs.
struct Other {
  Other(const SSL_METHOD* method, int version) : context(SSL_CTX_new(method)) {
    SSL_CTX_set_max_proto_version(context.get(), version);
    const std::string folder = std::string(PERIGEE_SOURCE_DIR) + "/tests/data/certificates/";
    SSL_CTX_use_certificate_chain_file(context.get(), (folder + "a.pem").c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), (folder + "a.key").c_str(), SSL_FILETYPE_PEM);
    session.reset(SSL_new(context.get()));
    // Of a client: it asks for a staple.
    SSL_set_tlsext_status_type(session.get(), TLSEXT_STATUSTYPE_ocsp);
    SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_is_server(session.get()) == 1 ? SSL_set_accept_state(session.get())
                                      : SSL_set_connect_state(session.get());
  }
  void hear(std::string& bytes) {
    BIO_write(SSL_get_rbio(session.get()), bytes.data(), static_cast<int>(bytes.size()));
    bytes.clear();
  }
  std::string said() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(session.get()), &data);
    std::string bytes(data, static_cast<size_t>(size));
    BIO_reset(SSL_get_wbio(session.get()));
    return bytes;
  }
  void write(std::string_view text) {
    REQUIRE(SSL_write(session.get(), text.data(), static_cast<int>(text.size())) ==
            static_cast<int>(text.size()));
  }
  void update_keys(int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(SSL_key_update(session.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
      REQUIRE(SSL_do_handshake(session.get()) == 1);
    }
  }

  ContextHandle context;
  RawSession session;
};

struct Talk {
  Talk(SSL* session, const SSL_METHOD* others, int version)
      : ours(session, method.get(), records), other(others, version) {
    Result result = Result::starved;
    while (result == Result::starved) {
      SSL_do_handshake(other.session.get());
      const std::string said = other.said();
      ours.input() = said;
      size_t early = 0;
      result = ours.shake_hands(room.data(), room.size(), early);
      other.hear(records);
    }
    SSL_do_handshake(other.session.get());
    REQUIRE(result == Result::done);
    REQUIRE(SSL_is_init_finished(other.session.get()) == 1);
  }
  // Opens what the other side has said, as far as it goes; what was opened is in `plain`.
  Result open() {
    const std::string said = other.said();
    ours.input() = said;
    Result result = Result::done;
    while (result == Result::done) {
      size_t size = 0;
      result = ours.open(room.data(), room.size(), size);
      plain.append(room, 0, size);
    }
    left = ours.input().size();
    ours.input() = {};
    return result;
  }

  MethodHandle method{make_tls_transport_method()};
  std::string records, plain;
  std::string room = std::string(64 * 1024, '\0');
  size_t left = 0;
  TlsSession ours;
  Other other;
};

struct ServerTalk : Talk {
  explicit ServerTalk(int version, std::shared_ptr<const TlsCertificate> shown = certificate())
      : ServerTalk(version, server_context(std::move(shown))) {}
  // The context lives as long as its session.
  ServerTalk(int version, std::shared_ptr<const TlsServerContext> from)
      : Talk(from->make_session(), TLS_client_method(), version), context(std::move(from)) {}
  std::shared_ptr<const TlsServerContext> context;
};

TEST_CASE("an OCSP response is stapled until it ends, and always where it has no end", "[net][tls]") {
  const struct {
    WallTime until;
    bool stapled;
  } cases[] = {
      {WallTime::max(), true},
      {wall_from_unix_seconds(4'000'000'000), true},
      {wall_from_unix_seconds(1'000'000'000), false},
  };
  for (const auto& each : cases) {
    INFO(each.until.time_since_epoch().count());
    auto shown = std::make_shared<TlsCertificate>(*certificate());
    shown->ocsp_der = "a response";
    shown->ocsp_until = each.until;
    ServerTalk talk(TLS1_3_VERSION, std::move(shown));
    const unsigned char* staple = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(talk.other.session.get(), &staple);
    CHECK((size == 10) == each.stapled);
  }
}

TEST_CASE("keys may be updated now and then", "[net][tls]") {
  ServerTalk talk(TLS1_3_VERSION);
  // As many as there are bytes for, and more than are allowed at once.
  for (int i = 0; i < 12; ++i) {
    talk.other.update_keys(10);
    for (int part = 0; part < 70; ++part) talk.other.write(std::string(16'000, 'a'));
    REQUIRE(talk.open() == Result::starved);
    talk.other.hear(talk.records);
    char none = 0;
    SSL_read(talk.other.session.get(), &none, 1);
  }
  CHECK(talk.plain.size() == size_t{12} * 70 * 16'000);
}

TEST_CASE("a flood of key updates ends its session soon, and what it has sent is not worked off",
          "[net][tls]") {
  ServerTalk talk(TLS1_3_VERSION);
  talk.other.write("hello");
  REQUIRE(talk.open() == Result::starved);
  CHECK(talk.plain == "hello");
  talk.other.update_keys(2000);
  CHECK(talk.open() == Result::failed);
  // A record of an update is 27 bytes, and OpenSSL reads 16 KiB ahead.
  CHECK(talk.left > size_t{2000} * 27 / 2);
  // Each that was obeyed is answered by one.
  CHECK(talk.records.size() < size_t{101} * 27);
  // It stays so.
  talk.other.write("hello");
  CHECK(talk.open() == Result::failed);
  CHECK(talk.plain == "hello");
}

TEST_CASE("a client that would negotiate anew is told so, and its session ends", "[net][tls]") {
  ServerTalk talk(TLS1_2_VERSION);
  talk.other.write("hello");
  REQUIRE(talk.open() == Result::starved);
  REQUIRE(SSL_renegotiate(talk.other.session.get()) == 1);
  SSL_do_handshake(talk.other.session.get());
  CHECK(talk.open() == Result::failed);
  CHECK(!talk.records.empty());
}

TEST_CASE("a server that would negotiate anew is declined, and goes on", "[net][tls]") {
  const auto context = TlsClientContext::build({pem("root.pem"), nullptr}).value();
  Talk talk(context->make_session("a.example", ""), TLS_server_method(), TLS1_2_VERSION);
  talk.other.write("first");
  REQUIRE(SSL_renegotiate(talk.other.session.get()) == 1);
  SSL_do_handshake(talk.other.session.get());
  CHECK(talk.open() == Result::starved);
  CHECK(talk.plain == "first");
}

TEST_CASE("a server that floods with key updates ends its session, too", "[net][tls]") {
  const auto context = TlsClientContext::build({pem("root.pem"), nullptr}).value();
  Talk talk(context->make_session("a.example", ""), TLS_server_method(), TLS1_3_VERSION);
  talk.other.update_keys(10);
  talk.other.write("hello");
  REQUIRE(talk.open() == Result::starved);
  CHECK(talk.plain == "hello");
  talk.other.update_keys(2000);
  CHECK(talk.open() == Result::failed);
}

}  // namespace

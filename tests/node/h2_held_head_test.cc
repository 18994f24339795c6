// Heads that HTTP/2 sends from where they are stored, while the content comes from a source: how long they
// are looked at, and that whoever lends them knows.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"
#include "tests/node/support/h2_client.h"

namespace perigee::test {
namespace {

// A head that is good within the turn, and beyond it only while somebody holds it. Afterwards its bytes are
// other ones, so that who looks again is found out.
struct Lent {
  std::string lines = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-lent: the very bytes\r\n";
  int acquired = 0;
  int released = 0;
  bool turn_is_over = false;

  serve::Hold hold() {
    return {[](void* self, const void*) { ++static_cast<Lent*>(self)->acquired; },
            [](void* self, const void*) {
              ++static_cast<Lent*>(self)->released;
              static_cast<Lent*>(self)->spoil();
            },
            this, nullptr};
  }
  void end_turn() {
    turn_is_over = true;
    spoil();
  }
  void spoil() {
    if (turn_is_over && acquired == released) std::fill(lines.begin(), lines.end(), '!');
  }
};

struct Rig {
  Rig() : rig(1, options()) {
    rig.default_script = [this](serve::ServerExchange& exchange) {
      exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, filler, {});
    };
    rig.scripts["/lent"] = [this](serve::ServerExchange& exchange) {
      KeptExchange& kept = rig.keep(exchange);
      kept.body = more_comes ? body.substr(1) : body;
      kept.more_comes = more_comes;
      exchange.reply_held({200, lent.lines, "age: 7\r\n", body.size()}, lent.hold(), kept);
      rig.loop.post(net::make_task([this] { lent.end_turn(); }));
    };
  }
  static serve::ServerOptions options() {
    serve::ServerOptions options;
    options.http2_clear = true;
    return options;
  }
  void run() { rig.world.run_until_idle(); }
  void check_answer(int32_t id) {
    const Answer& answer = client.exchange(id).answer;
    CHECK(answer.status == 200);
    CHECK(answer.header("content-type") == "text/plain");
    CHECK(answer.header("x-lent") == "the very bytes");
    CHECK(answer.header("age") == "7");
    CHECK(answer.body == body);
    CHECK(answer.complete);
  }

  Lent lent;
  bool more_comes = false;  // the last byte of the content comes later
  const std::string filler = std::string(60'000, 'f');
  const std::string body = std::string(40'000, 'b');
  ServeRig rig;
  std::unique_ptr<H2Client> owner = std::make_unique<H2Client>(rig.client_loop, rig.address);
  H2Client& client = *owner;
};

TEST_CASE("a head that is sent in its turn is held by nobody", "[node][h2]") {
  Rig h2;
  const int32_t id = h2.client.get("/lent");
  h2.run();
  h2.check_answer(id);
  CHECK(h2.lent.acquired == 0);
  CHECK(h2.lent.turn_is_over);
}

TEST_CASE("a head that waits behind what the client does not take is held until it is a frame",
          "[node][h2]") {
  Rig h2;
  h2.more_comes = true;
  h2.rig.set_buffers(5'000);
  h2.client.get("/fills-the-socket");
  h2.run();
  h2.client.pause();
  h2.client.get("/fills-the-socket");
  h2.run();
  const int32_t id = h2.client.get("/lent");
  h2.run();
  CHECK(h2.lent.turn_is_over);
  CHECK(h2.lent.acquired == 1);
  CHECK(h2.lent.released == 0);
  h2.client.resume();
  h2.run();
  CHECK(h2.lent.released == 1);
  KeptExchange& kept = *h2.rig.kept.front();
  REQUIRE(kept.exchange != nullptr);
  kept.body = h2.body;
  kept.more_comes = false;
  h2.rig.loop.post(net::make_task([&] { kept.exchange->body_ready(); }));
  h2.run();
  h2.check_answer(id);
  CHECK(h2.lent.acquired == 1);
  CHECK(h2.lent.released == 1);
}

TEST_CASE("a head is let go when its stream or its connection ends before it was sent", "[node][h2]") {
  for (const bool reset : {true, false}) {
    INFO(reset);
    auto h2 = std::make_unique<Rig>();
    h2->rig.set_buffers(5'000);
    h2->client.get("/fills-the-socket");
    h2->run();
    h2->client.pause();
    h2->client.get("/fills-the-socket");
    h2->run();
    const int32_t id = h2->client.get("/lent");
    h2->run();
    REQUIRE(h2->lent.acquired == 1);
    if (reset) {
      h2->client.reset(id);
      h2->run();
      h2->client.resume();
      h2->run();
      CHECK(h2->client.exchange(id).answer.status == 0);
    } else {
      h2->owner.reset();
      h2->run();
    }
    CHECK(h2->lent.released == 1);
    CHECK(h2->rig.kept.front()->ends.size() == 1);
  }
}

}  // namespace
}  // namespace perigee::test

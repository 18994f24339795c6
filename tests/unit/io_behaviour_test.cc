// What both implementations of Io promise, as scenarios that run on each.
#include <catch2/catch_template_test_macros.hpp>

#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

// A listening server and one connection to it, both on the rig's loop.
template <typename Rig>
struct Pair {
  Pair() {
    rig.run([&] {
      listener = *rig.loop.listen({loopback()}, server);
      connect();
    });
  }
  ~Pair() {
    rig.run([&] { listener.reset(); });
    rig.get().stop();
  }
  void connect() {
    client.stream = &rig.loop.connect(listener->address(), client);
    client.stream->read_start();
  }
  Recorder& peer() { return *server.peers.at(0); }
  void open() {
    REQUIRE(rig.until([&] { return client.has("connected") && !server.peers.empty(); }));
  }

  Rig rig;
  Server server;
  Recorder client;
  std::unique_ptr<Listener> listener;
};

}  // namespace

TEMPLATE_TEST_CASE("bytes are echoed, and half-closing lets the other side finish", "[net][io]", MemoryRig,
                   UvRig) {
  Pair<TestType> pair;
  pair.open();
  pair.rig.run([&] {
    pair.peer().read = [&](std::string_view bytes) { write_text(*pair.peer().stream, bytes); };
    pair.peer().end = [&] {
      write_text(*pair.peer().stream, "bye");
      pair.peer().stream->shutdown_write();
    };
    write_text(*pair.client.stream, "hello ");
  });
  REQUIRE(pair.rig.until([&] { return pair.client.received == "hello "; }));
  pair.rig.run([&] { pair.client.stream->shutdown_write(); });
  REQUIRE(pair.rig.until([&] { return pair.client.has("end"); }));
  CHECK(pair.client.received == "hello bye");
  pair.rig.run([&] {
    pair.client.stream->close();
    pair.peer().stream->close();
    CHECK_FALSE(pair.client.is_closed());
  });
  REQUIRE(pair.rig.until([&] { return pair.client.is_closed() && pair.peer().is_closed(); }));
  CHECK(pair.client.events == std::vector<std::string>{"connected", "read", "end", "closed"});
}

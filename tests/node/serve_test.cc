// Requests and answers that are given at once: keep-alive, pipelining, framing, counts of system calls and
// allocations.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/allocation_counter.h"
#include "tests/node/serve_rig.h"

using namespace perigee;
using perigee::test::get_root;
using perigee::test::hello;
using perigee::test::RawClient;
using perigee::test::ServeRig;

namespace {

std::string repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all.append(text);
  return all;
}

// Counts how often a body was held and let go.
struct Pins {
  int held = 0;
  int acquired = 0;
  static void acquire(void* owner, const void*) {
    ++static_cast<Pins*>(owner)->held;
    ++static_cast<Pins*>(owner)->acquired;
  }
  static void release(void* owner, const void*) { --static_cast<Pins*>(owner)->held; }
  serve::Hold hold() { return {acquire, release, this, nullptr}; }
};

}  // namespace

TEST_CASE("requests one after the other are answered on one connection", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.ask(get_root);
  CHECK(client.take() == hello);
  client.send(get_root);
  rig.world.run_until_idle();
  CHECK(client.take() == hello);
  CHECK_FALSE(client.closed());
  CHECK(rig.metric(Metric::connections_accepted) == 1);
  CHECK(rig.metric(Metric::connections_open) == 1);
  CHECK(rig.metric(Metric::client_bytes_sent) == 2 * hello.size());
}

TEST_CASE("sixteen pipelined requests of one read are answered by one write", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.connect();
  rig.world.run_until_idle();
  const net::IoCounters before = rig.loop.counters();
  client.send(repeat(get_root, 16));
  rig.world.run_until_idle();
  CHECK(client.received == repeat(hello, 16));
  CHECK(rig.loop.counters().reads - before.reads == 1);
  CHECK(rig.loop.counters().writes - before.writes == 1);
}

TEST_CASE("more pipelined requests than one batch holds are all answered in order", "[serve]") {
  serve::ServerOptions options;
  options.pipelining_depth = 5;
  ServeRig rig(1, options);
  CHECK(rig.ask(repeat(get_root, 23)).received == repeat(hello, 23));
}

TEST_CASE("a request split at any byte is answered the same", "[serve]") {
  const std::string request =
      "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
      std::string(get_root);
  for (size_t split = 1; split < request.size(); ++split) {
    ServeRig rig(split);
    rig.scripts["/echo"] = [&rig](serve::ServerExchange& exchange) {
      rig.keep(exchange);
      exchange.read_request_body();
      exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, "done", {});
    };
    RawClient& client = rig.ask(std::string_view(request).substr(0, split));
    client.send(std::string_view(request).substr(split));
    rig.world.run_until_idle();
    INFO("split at " << split);
    CHECK(client.received == "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone" + std::string(hello));
    CHECK_FALSE(client.closed());
  }
}

TEST_CASE("a short write keeps what is left, holds it if it was not copied, and lets it go when it is out",
          "[serve]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const size_t size = seed % 2 == 0 ? 3000 : 6000;
    ServeRig rig(seed);
    rig.server_io->shape().write_bytes_max = 37;
    Pins pins;
    const std::string body(size, 'x');
    rig.scripts["/big"] = [&](serve::ServerExchange& exchange) {
      exchange.reply({200, "HTTP/1.1 200 OK\r\netag: \"a\"\r\n", "age: 7\r\n"}, body, pins.hold());
    };
    RawClient& client = rig.ask(repeat("GET /big HTTP/1.1\r\nhost: a\r\n\r\n", 3));
    CHECK(client.received == repeat("HTTP/1.1 200 OK\r\netag: \"a\"\r\nage: 7\r\ncontent-length: " +
                                        std::to_string(size) + "\r\n\r\n" + body,
                                    3));
    CHECK((pins.acquired >= 1) == (size == 6000));
    CHECK(pins.held == 0);
  }
}

TEST_CASE("a request behind an answer of which the kernel took a part is answered when that is out",
          "[serve]") {
  for (const size_t buffer : {20, 27, 30, 40, 60}) {
    ServeRig rig;
    rig.set_buffers(buffer);
    RawClient& client = rig.ask(repeat(get_root, 3));
    CHECK(client.received == repeat(hello, 3));
  }
}

TEST_CASE("what is held for a client that goes away is let go", "[serve]") {
  ServeRig rig;
  rig.set_buffers(1000);
  Pins pins;
  const std::string body(100'000, 'x');
  rig.scripts["/big"] = [&](serve::ServerExchange& exchange) {
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, body, pins.hold());
  };
  RawClient& client = rig.connect();
  client.pause();
  client.send("GET /big HTTP/1.1\r\nhost: a\r\n\r\n");
  rig.world.run_until_idle();
  CHECK(pins.held == 1);
  client.reset();
  rig.world.run_until_idle();
  CHECK(pins.held == 0);
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("answers without content say what they may and carry none", "[serve]") {
  struct Case {
    std::string_view method;
    int status;
    uint64_t length;
    std::string_view expected;
  };
  const Case cases[] = {
      {"HEAD", 200, 12, "content-length: 12\r\n\r\n"},
      {"HEAD", 200, serve::ReplyHead::unknown_length, "\r\n"},
      {"GET", 304, 12, "content-length: 12\r\n\r\n"},
      {"GET", 304, serve::ReplyHead::unknown_length, "\r\n"},
      {"GET", 204, serve::ReplyHead::unknown_length, "\r\n"},
      {"GET", 204, 0, "\r\n"},
      {"GET", 200, serve::ReplyHead::unknown_length, "content-length: 0\r\n\r\n"},
  };
  for (const Case& c : cases) {
    ServeRig rig;
    rig.scripts["/x"] = [&](serve::ServerExchange& exchange) {
      exchange.reply({c.status, "HTTP/1.1 200 OK\r\n", {}, c.length}, {}, {});
    };
    INFO(c.method << " " << c.status << " " << c.length);
    const std::string request = std::string(c.method) + " /x HTTP/1.1\r\nhost: a\r\n\r\n";
    CHECK(rig.ask(request + std::string(get_root)).received ==
          "HTTP/1.1 200 OK\r\n" + std::string(c.expected) + std::string(hello));
  }
}

TEST_CASE("a client of HTTP/1.0 gets its connection closed unless it asked to keep it", "[serve]") {
  ServeRig rig;
  RawClient& plain = rig.ask("GET / HTTP/1.0\r\n\r\n");
  CHECK(
      plain.received ==
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\nconnection: close\r\n\r\nhello\n");
  CHECK(plain.ended);
  RawClient& kept = rig.ask("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  CHECK(kept.received ==
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\nconnection: "
        "keep-alive\r\n\r\nhello\n");
  CHECK_FALSE(kept.closed());
}

TEST_CASE("connection: close is honoured, and what was pipelined behind it is not answered", "[serve]") {
  ServeRig rig;
  RawClient& client =
      rig.ask("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" + std::string(get_root));
  CHECK(client.count("HTTP/1.1 200") == 1);
  CHECK(client.count("connection: close\r\n") == 1);
  CHECK(client.ended);
  CHECK_FALSE(client.broken);
  CHECK(rig.requests.size() == 1);
}

TEST_CASE("a client that has ended its half still gets its answers", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.connect();
  client.send(repeat(get_root, 2));
  client.end();
  rig.world.run_until_idle();
  CHECK(client.received == repeat(hello, 2));
  CHECK(client.ended);
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("an answer given later is written at the end of the turn, and its successor begun", "[serve]") {
  ServeRig rig;
  test::KeptExchange* later = nullptr;
  rig.scripts["/later"] = [&](serve::ServerExchange& exchange) { later = &rig.keep(exchange); };
  RawClient& client = rig.ask("GET /later HTTP/1.1\r\nhost: a\r\n\r\n" + std::string(get_root));
  REQUIRE(later != nullptr);
  CHECK(client.received.empty());
  CHECK(rig.requests.size() == 1);
  rig.loop.post(net::make_task([&] {
    later->exchange->send_interim({102, "HTTP/1.1 102 Processing\r\n", {}});
    later->exchange->reply({200, "HTTP/1.1 200 OK\r\n", "age: 1\r\n"}, "late", {});
    CHECK(later->ends.empty());
  }));
  rig.world.run_until_idle();
  CHECK(client.received ==
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nage: 1\r\ncontent-length: 4\r\n\r\nlate" +
            std::string(hello));
  CHECK(later->ends == std::vector{serve::ExchangeEnd::complete});
}

TEST_CASE("a client of HTTP/1.0 gets no interim responses", "[serve]") {
  ServeRig rig;
  rig.scripts["/early"] = [&](serve::ServerExchange& exchange) {
    exchange.send_interim({103, "HTTP/1.1 103 Early Hints\r\n", "link: </a>\r\n"});
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, "x", {});
  };
  CHECK(rig.ask("GET /early HTTP/1.0\r\n\r\n").count("103") == 0);
  CHECK(rig.ask("GET /early HTTP/1.1\r\nhost: a\r\n\r\n").received ==
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
}

TEST_CASE("the last request a connection may make is answered with connection: close", "[serve]") {
  serve::ServerOptions options;
  options.requests_per_connection_max = 3;
  ServeRig rig(1, options);
  RawClient& client = rig.ask(repeat(get_root, 4));
  CHECK(client.count("HTTP/1.1 200") == 3);
  CHECK(client.count("connection: close") == 1);
  CHECK(client.ended);
}

TEST_CASE("a taken stream belongs to the handler, with what was received behind the request", "[serve]") {
  for (const size_t write_bytes_max : {size_t{0}, size_t{7}}) {
    struct Echo final : net::StreamHandler {
      net::Stream* stream = nullptr;
      std::string pending;
      void flush() {
        const Slice slice = pending;
        if (!pending.empty()) pending.erase(0, stream->write({&slice, 1}));
      }
      void on_read(std::string_view bytes) override {
        pending.append(bytes);
        flush();
      }
      void on_end() override { stream->close(); }
      void on_writable() override { flush(); }
      void on_error(net::StreamError) override { stream->close(); }
      void on_closed() override { stream = nullptr; }
    };
    Echo echo;
    ServeRig rig;
    rig.server_io->shape().write_bytes_max = write_bytes_max;
    rig.scripts["/up"] = [&](serve::ServerExchange& exchange) {
      exchange.reply({101, "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n", {}}, {}, {});
      const serve::TakenStream taken = exchange.take_stream();
      echo.stream = taken.stream;
      taken.stream->set_handler(echo);
      echo.on_read(taken.unread);
    };
    RawClient& client =
        rig.ask(std::string(get_root) +
                "GET /up HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nabc");
    client.send("def");
    rig.world.run_until_idle();
    CHECK(client.received ==
          std::string(hello) +
              "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nabcdef");
    CHECK(rig.server->connections() == 0);
    client.end();
    rig.world.run_until_idle();
    CHECK(echo.stream == nullptr);
  }
}

TEST_CASE("a body in pieces goes out with its head, and what is left of it is held until it is out",
          "[serve]") {
  constexpr uint64_t length = 200'000;
  const std::string first(100'000, 'a'), second(60'000, 'b'), third(40'000, 'c');
  const Slice pieces[] = {first, second, third};
  Pins pins;
  bool taken = false;
  serve::ServerOptions options;
  options.turn_bytes_max = 1'000'000;
  ServeRig rig(1, options);
  rig.scripts["/p"] = [&](serve::ServerExchange& exchange) {
    serve::ReplyHead head{200, "HTTP/1.1 200 OK\r\n", "age: 1\r\n", length};
    taken = exchange.reply_in_pieces(head, pieces, pins.hold());
    if (!taken) exchange.reply({503, "HTTP/1.1 503 Service Unavailable\r\n", {}}, "", {});
  };
  const std::string get_p = "GET /p HTTP/1.1\r\nhost: a\r\n\r\n";
  const std::string whole =
      "HTTP/1.1 200 OK\r\nage: 1\r\ncontent-length: 200000\r\n\r\n" + first + second + third;

  SECTION("at once") {
    rig.set_buffers(1'000'000);
    const uint64_t writes = rig.loop.counters().writes;
    RawClient& client = rig.ask(get_p);
    CHECK((client.take() == whole));
    CHECK(rig.loop.counters().writes == writes + 1);
    CHECK(pins.acquired == 0);
    client.send(get_p + get_p + get_p + get_p + get_p + get_p);
    rig.world.run_until_idle();
    CHECK((client.received.substr(0, whole.size()) == whole));  // six are more than a turn's share
    CHECK_FALSE(taken);
  }
  SECTION("to a client that reads later") {
    rig.set_buffers(30'000);
    RawClient& client = rig.connect();
    client.pause();
    client.send(get_p);
    rig.world.run_until_idle();
    CHECK(pins.held == 1);
    client.resume();
    rig.world.run_until_idle();
    CHECK((client.received == whole));
    CHECK(pins.acquired == 1);
    CHECK(pins.held == 0);
  }
  SECTION("to a client that leaves") {
    rig.set_buffers(30'000);
    RawClient& client = rig.connect();
    client.pause();
    client.send(get_p);
    rig.world.run_until_idle();
    client.reset();
    rig.world.run_until_idle();
    CHECK(pins.acquired == 1);
    CHECK(pins.held == 0);
  }
}

TEST_CASE("a kilobyte answered costs one read, one write and no allocation of ours", "[serve]") {
  ServeRig rig;
  const std::string body(1024, 'k');
  uint64_t at_request = 0;
  uint64_t at_next = 0;
  rig.scripts["/k"] = [&](serve::ServerExchange& exchange) {
    at_next = test::heap_allocations();
    exchange.reply({200, "HTTP/1.1 200 OK\r\netag: \"k\"\r\n", "age: 1\r\n"}, body, {});
    at_request = test::heap_allocations();
  };
  const std::string one = "GET /k HTTP/1.1\r\nhost: a\r\nuser-agent: test\r\naccept: */*\r\n\r\n";
  RawClient& client = rig.ask(repeat(one, 8));  // warms up
  client.take();
  const net::IoCounters before = rig.loop.counters();
  client.send(one);
  rig.world.run_until_idle();
  CHECK(rig.loop.counters().reads - before.reads == 1);
  CHECK(rig.loop.counters().writes - before.writes == 1);

  // Of pipelined requests: from one call of the handler to the next nothing is allocated, reply and parsing
  // included.
  uint64_t grown = 0;
  uint64_t calls = 0;
  rig.scripts["/k"] = [&](serve::ServerExchange& exchange) {
    if (calls++ > 0) grown += test::heap_allocations() - at_next;
    exchange.reply({200, "HTTP/1.1 200 OK\r\netag: \"k\"\r\n", "age: 1\r\n"}, body, {});
    at_next = test::heap_allocations();
  };
  rig.requests.reserve(1000);
  client.send(repeat(one, 16));
  rig.world.run_until_idle();
  CHECK(calls == 16);
  CHECK(grown == 0);
}

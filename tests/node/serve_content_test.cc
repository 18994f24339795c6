// Request content: read when asked for, paused, expected, unread, malformed.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"

using namespace perigee;
using namespace std::chrono_literals;
using perigee::test::KeptExchange;
using perigee::test::RawClient;
using perigee::test::ServeRig;
using serve::ExchangeEnd;

namespace {

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

std::string post(std::string_view fields, std::string_view content) {
  return "POST /in HTTP/1.1\r\nhost: a\r\n" + std::string(fields) + "\r\n" + std::string(content);
}

// Reads all content, answers when it has ended.
struct Reader final : serve::ExchangeHandler {
  serve::ServerExchange* exchange = nullptr;
  std::string content;
  std::vector<ExchangeEnd> ends;
  int content_ends = 0;
  void on_request_body(std::string_view bytes) override { content.append(bytes); }
  void on_request_end() override {
    ++content_ends;
    exchange->reply({200, "HTTP/1.1 200 OK\r\n", {}}, "read", {});
  }
  void on_exchange_end(ExchangeEnd end) override { ends.push_back(end); }
  void attach(ServeRig& rig) {
    rig.scripts["/in"] = [this](serve::ServerExchange& with) {
      exchange = &with;
      with.set_handler(*this);
      with.read_request_body();
    };
  }
};

constexpr std::string_view read_answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread";

}  // namespace

TEST_CASE("content is read to its end, by length and by chunks", "[serve]") {
  struct Case {
    std::string_view fields;
    std::string_view content;
    std::string_view read;
  };
  const Case cases[] = {
      {"content-length: 5\r\n", "hello", "hello"},
      {"transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"transfer-encoding: chunked\r\n", "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\na: b\r\n\r\n", "hello"},
      {"transfer-encoding: chunked\r\n", "0\r\n\r\n", ""},
  };
  for (const Case& c : cases) {
    for (const size_t read_bytes_max : {size_t{1}, size_t{65536}}) {
      ServeRig rig;
      Reader reader;
      reader.attach(rig);
      rig.server_io->shape().read_bytes_max = read_bytes_max;
      RawClient& client = rig.ask(post(c.fields, c.content) + std::string(get_root));
      INFO(c.fields << c.content);
      CHECK(reader.content == c.read);
      CHECK(reader.content_ends == 1);
      CHECK(reader.ends == std::vector{ExchangeEnd::complete});
      CHECK(client.received.starts_with(read_answer));
      CHECK(client.count("hello\n") == 1);
    }
  }
}

TEST_CASE("a request without content has no content to end", "[serve]") {
  ServeRig rig;
  Reader reader;
  reader.attach(rig);
  rig.ask(post("content-length: 0\r\n", ""));
  CHECK(reader.content_ends == 0);
  rig.loop.post(net::make_task([&] { reader.on_request_end(); }));
  rig.world.run_until_idle();
  CHECK(reader.ends == std::vector{ExchangeEnd::complete});
}

TEST_CASE("100-continue is sent when the content is asked for, and not before", "[serve]") {
  ServeRig rig;
  KeptExchange* kept = nullptr;
  rig.scripts["/in"] = [&](serve::ServerExchange& exchange) { kept = &rig.keep(exchange); };
  RawClient& client = rig.ask(post("content-length: 5\r\nexpect: 100-continue\r\n", ""));
  CHECK(client.received.empty());
  rig.loop.post(net::make_task([&] { kept->exchange->read_request_body(); }));
  rig.world.run_until_idle();
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  rig.world.run_until_idle();
  CHECK(kept->content == "hello");
  CHECK(kept->content_ended);
}

TEST_CASE("an answer instead of 100-continue closes the connection", "[serve]") {
  ServeRig rig;
  RawClient& client = rig.ask(post("content-length: 5\r\nexpect: 100-continue\r\n", ""));
  CHECK(client.count("connection: close\r\n") == 1);
  CHECK(client.ended);
  CHECK_FALSE(client.broken);
}

TEST_CASE("content that nobody reads is skipped if it is small, else the connection closes", "[serve]") {
  ServeRig small;
  RawClient& skipped =
      small.ask(post("content-length: 60000\r\n", std::string(60'000, 'x')) + std::string(get_root));
  CHECK(skipped.count("HTTP/1.1 200") == 2);
  CHECK_FALSE(skipped.closed());

  ServeRig large;
  RawClient& announced =
      large.ask(post("content-length: 70000\r\n", std::string(70'000, 'x')) + std::string(get_root));
  CHECK(announced.count("HTTP/1.1 200") == 1);
  CHECK(announced.count("connection: close\r\n") == 1);
  CHECK(announced.ended);
  CHECK_FALSE(announced.broken);

  ServeRig chunked;
  std::string content;
  for (int i = 0; i < 30; ++i) content += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  RawClient& unannounced =
      chunked.ask(post("transfer-encoding: chunked\r\n", content + "0\r\n\r\n") + std::string(get_root));
  CHECK(unannounced.count("HTTP/1.1 200") == 1);
  CHECK(unannounced.ended);
}

TEST_CASE("content that is paused stays with the client", "[serve]") {
  struct Pausing final : serve::ExchangeHandler {
    serve::ServerExchange* exchange = nullptr;
    size_t received = 0;
    bool ended = false;
    void on_request_body(std::string_view bytes) override {
      received += bytes.size();
      exchange->pause_request_body();
    }
    void on_request_end() override { ended = true; }
    void on_exchange_end(ExchangeEnd) override {}
  } pausing;
  ServeRig rig;
  rig.scripts["/in"] = [&](serve::ServerExchange& exchange) {
    pausing.exchange = &exchange;
    exchange.set_handler(pausing);
    exchange.read_request_body();
  };
  rig.ask(post("content-length: 2000000\r\n", std::string(2'000'000, 'x')));
  CHECK(pausing.received < 100'000);
  CHECK(rig.loop.counters().bytes_read < 200'000);
  for (int i = 0; i < 1000 && !pausing.ended; ++i) {
    rig.loop.post(net::make_task([&] { pausing.exchange->read_request_body(); }));
    rig.world.run_until_idle();
  }
  CHECK(pausing.ended);
  CHECK(pausing.received == 2'000'000);
}

TEST_CASE("malformed chunks are refused, and the handler hears that the client is gone", "[serve]") {
  ServeRig rig;
  Reader reader;
  reader.attach(rig);
  RawClient& client = rig.ask(post("transfer-encoding: chunked\r\n", "5\r\nhelloXX"));
  CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(client.ended);
  CHECK(reader.ends == std::vector{ExchangeEnd::client_gone});
  CHECK(rig.metric(Metric::requests_bad) == 1);
}

TEST_CASE("content cut short by the client ends the exchange", "[serve]") {
  ServeRig rig;
  Reader reader;
  reader.attach(rig);
  RawClient& client = rig.connect();
  client.send(post("content-length: 10\r\n", "hello"));
  client.end();
  rig.world.run_until_idle();
  CHECK(reader.ends == std::vector{ExchangeEnd::client_gone});
  CHECK(reader.content_ends == 0);
  CHECK(rig.server->connections() == 0);
}

TEST_CASE("content that stops coming is answered 408", "[serve]") {
  ServeRig rig;
  Reader reader;
  reader.attach(rig);
  RawClient& client = rig.ask(post("content-length: 10\r\n", "hello"));
  rig.world.advance(29s);
  CHECK(reader.ends.empty());
  rig.world.advance(2s);
  CHECK(client.received.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(reader.ends == std::vector{ExchangeEnd::client_gone});
  CHECK(rig.metric(Metric::client_timeouts) == 1);
}

TEST_CASE("content may go on arriving while the answer streams", "[serve]") {
  ServeRig rig;
  rig.scripts["/in"] = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = rig.keep(exchange);
    kept.more_comes = true;
    exchange.read_request_body();
    exchange.reply({200, "HTTP/1.1 200 OK\r\n", {}}, kept);
  };
  RawClient& client = rig.ask(post("content-length: 10\r\n", "hello"));
  KeptExchange& kept = *rig.kept[0];
  CHECK(kept.content == "hello");
  CHECK(client.count("HTTP/1.1 200") == 1);
  client.send("world" + std::string(get_root));
  rig.world.run_until_idle();
  CHECK(kept.content == "helloworld");
  CHECK(kept.content_ended);
  rig.loop.post(net::make_task([&] {
    kept.more_comes = false;
    kept.exchange->body_ready();
  }));
  rig.world.run_until_idle();
  CHECK(client.count("HTTP/1.1 200") == 2);
}

// HTTP/2 on one server, and on whole nodes.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/serve_rig.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_client.h"
#include "tests/node/support/h2_frames.h"
#include "tests/unit/test_files.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

serve::ServerOptions h2_options() {
  serve::ServerOptions options;
  options.http2_clear = true;
  return options;
}

struct H2Rig {
  explicit H2Rig(uint64_t seed = 1, serve::ServerOptions options = h2_options())
      : rig(seed, std::move(options)) {}
  void run() { rig.world.run_until_idle(); }
  // As a handler would do it: in a turn of the loop.
  template <typename F>
  void on_loop(F f) {
    rig.loop.post(net::make_task(std::move(f)));
    run();
  }
  ServeRig rig;
  H2Client client{rig.client_loop, rig.address};
};

constexpr std::string_view plain_head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";

TEST_CASE("requests of one connection are answered, each on its stream", "[node][h2]") {
  H2Rig h2;
  std::vector<int32_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(h2.client.get("/" + std::to_string(i)));
  h2.run();
  for (const int32_t id : ids) {
    const auto& exchange = h2.client.exchange(id);
    REQUIRE(exchange.answer.status == 200);
    CHECK(exchange.answer.complete);
    CHECK(exchange.answer.body == "hello\n");
    CHECK(exchange.answer.header("content-length") == "6");
    CHECK(exchange.answer.header("content-type") == "text/plain");
    CHECK(exchange.error == 0);
  }
  CHECK(h2.rig.requests.size() == 50);
}

TEST_CASE("heads that come in pieces at the same time are told apart", "[node][h2]") {
  H2Rig h2;
  constexpr size_t count = 20;
  // Cut within the block, so that each has half of its fields when the others come.
  const size_t half = 9 + block(get_lines("/xx")).size() / 2;
  std::vector<RawClient*> clients;
  for (size_t i = 0; i < count; ++i) {
    const std::string head = get_frame(1, "/" + std::to_string(i));
    clients.push_back(&h2.rig.ask(h2_hello() + head.substr(0, half)));
  }
  CHECK(h2.rig.requests.empty());
  for (size_t i = 0; i < count; ++i) {
    // A whole one of another connection while this one is half read.
    h2.client.get("/whole");
    h2.run();
    const std::string path = "/" + std::to_string(i);
    clients[i]->send(get_frame(1, path).substr(half) + get_frame(3, path + "-again"));
    h2.run();
    CHECK(std::vector<std::string>(h2.rig.requests.end() - 3, h2.rig.requests.end()) ==
          std::vector<std::string>{"/whole", path, path + "-again"});
  }
}

TEST_CASE("a reader of heads that was given back is lent again, unless that would hide its use",
          "[serve][h2]") {
  serve::H2HeadReaders keeping(true);
  auto reader = keeping.take();
  auto other = keeping.take();
  const http::H2HeadReader* const first = reader.get();
  keeping.give(std::move(reader));
  keeping.give(std::move(other));
  reader = keeping.take();
  CHECK(reader.get() == first);
  // One is kept, and lent to one.
  CHECK(!keeping.has_spare());

  serve::H2HeadReaders strict(false);
  strict.give(strict.take());
  CHECK(!strict.has_spare());
}

TEST_CASE("the first bytes tell HTTP/2 from HTTP/1.1 where both are understood", "[node][h2]") {
  H2Rig h2;
  const int32_t id = h2.client.get("/");
  RawClient& raw = h2.rig.ask("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  // "P" may be either.
  RawClient& slow = h2.rig.connect();
  slow.send("P");
  h2.run();
  slow.send("OST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
  h2.run();
  CHECK(h2.client.exchange(id).answer.status == 200);
  CHECK(raw.received.starts_with("HTTP/1.1 200 OK"));
  CHECK(slow.received.starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("without permission a preface of HTTP/2 is a bad request", "[node][h2]") {
  ServeRig rig;
  RawClient& client = rig.ask(h2_hello());
  CHECK(client.received.starts_with("HTTP/1.1 505"));
}

TEST_CASE("a streamed answer comes whole, whatever its source gives at a time", "[node][h2]") {
  std::string body(700'000, ' ');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 11 % 23);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    for (const bool known : {true, false}) {
      INFO("seed " << seed << " known " << known);
      H2Rig h2(seed);
      h2.rig.set_buffers(seed % 2 == 0 ? 3'000 : 200'000);
      h2.rig.server_io->shape().random_read_sizes = true;
      h2.rig.default_script = [&](serve::ServerExchange& exchange) {
        KeptExchange& kept = h2.rig.keep(exchange);
        kept.body = body;
        kept.slice_bytes = seed * 777;
        serve::ReplyHead head{200, plain_head, {}};
        if (known) head.content_length = body.size();
        exchange.reply(head, kept);
      };
      const int32_t first = h2.client.get("/1");
      const int32_t second = h2.client.get("/2");
      h2.run();
      for (const int32_t id : {first, second}) {
        REQUIRE(h2.client.exchange(id).answer.complete);
        REQUIRE((h2.client.exchange(id).answer.body == body));
      }
      for (const auto& kept : h2.rig.kept) {
        CHECK(kept->consumed_bytes == body.size());
        CHECK(kept->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::complete});
      }
    }
  }
}

TEST_CASE("a full window stops that stream's source and no other", "[node][h2]") {
  H2Rig h2;
  const std::string body(300'000, 'x');
  h2.rig.default_script = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = h2.rig.keep(exchange);
    kept.body = body;
    exchange.reply({200, plain_head, {}, body.size()}, kept);
  };
  h2.client.set_window(10'000);
  h2.client.hold_windows();
  const int32_t first = h2.client.get("/1");
  const int32_t second = h2.client.get("/2");
  h2.run();
  CHECK(h2.rig.kept[0]->consumed_bytes == 10'000);
  CHECK(h2.rig.kept[1]->consumed_bytes == 10'000);
  h2.client.open_window(second, 1'000'000);
  h2.run();
  CHECK(h2.rig.kept[0]->consumed_bytes == 10'000);
  CHECK(h2.client.exchange(second).answer.complete);
  CHECK(!h2.client.exchange(first).answer.complete);
}

TEST_CASE("a source that waits is asked again when it says so", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = h2.rig.keep(exchange);
    kept.more_comes = true;
    exchange.reply({200, plain_head, {}}, kept);
  };
  const int32_t id = h2.client.get("/");
  h2.run();
  KeptExchange& kept = *h2.rig.kept[0];
  CHECK(h2.client.exchange(id).answer.status == 200);
  kept.body = "one";
  h2.on_loop([&] { kept.exchange->body_ready(); });
  CHECK(h2.client.exchange(id).answer.body == "one");
  kept.body = "one two";
  kept.more_comes = false;
  h2.on_loop([&] { kept.exchange->body_ready(); });
  CHECK(h2.client.exchange(id).answer.body == "one two");
  CHECK(h2.client.exchange(id).answer.complete);
}

TEST_CASE("an answer that breaks off is a reset stream, and the connection goes on", "[node][h2]") {
  H2Rig h2;
  struct Case {
    bool fails;
    uint64_t announced;
  };
  // Fails half-way; gives less than announced; gives more.
  for (const Case& each : {Case{true, 1000}, Case{false, 1000}, Case{false, 100}}) {
    h2.rig.default_script = [&](serve::ServerExchange& exchange) {
      KeptExchange& kept = h2.rig.keep(exchange);
      kept.body = std::string(500, 'x');
      kept.fails = each.fails;
      exchange.reply({200, plain_head, {}, each.announced}, kept);
    };
    const int32_t id = h2.client.get("/");
    h2.run();
    CHECK(!h2.client.exchange(id).answer.complete);
    CHECK(h2.client.exchange(id).error == NGHTTP2_INTERNAL_ERROR);
    CHECK(h2.rig.kept.back()->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::cut});
  }
  h2.rig.default_script = nullptr;
  const int32_t id = h2.client.get("/");
  h2.run();
  CHECK(h2.client.exchange(id).answer.complete);
}

TEST_CASE("a handler may cut, before and after its answer began", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  const int32_t early = h2.client.get("/");
  const int32_t late = h2.client.get("/");
  h2.run();
  h2.rig.kept[1]->more_comes = true;
  h2.on_loop([&] {
    h2.rig.kept[0]->exchange->cut();
    h2.rig.kept[1]->exchange->reply({200, plain_head, {}}, *h2.rig.kept[1]);
  });
  h2.on_loop([&] { h2.rig.kept[1]->exchange->cut(); });
  CHECK(h2.client.exchange(early).error == NGHTTP2_INTERNAL_ERROR);
  CHECK(h2.client.exchange(late).error == NGHTTP2_INTERNAL_ERROR);
  CHECK(h2.rig.kept[0]->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::cut});
  CHECK(h2.rig.kept[1]->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::cut});
}

TEST_CASE("a client that resets a stream is gone from that exchange only", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  const int32_t first = h2.client.get("/1");
  const int32_t second = h2.client.get("/2");
  h2.run();
  h2.client.reset(first);
  h2.run();
  CHECK(h2.rig.kept[0]->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::client_gone});
  REQUIRE(h2.rig.kept[1]->exchange != nullptr);
  h2.on_loop([&] { h2.rig.kept[1]->exchange->reply({200, plain_head, {}}, "late", {}); });
  CHECK(h2.client.exchange(second).answer.body == "late");
}

TEST_CASE("request content reaches its handler, and waits while it pauses", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  const std::string content(400'000, 'c');
  const int32_t id = h2.client.request("POST", "/", "a.example", {}, &content);
  h2.run();
  KeptExchange& kept = *h2.rig.kept[0];
  CHECK(kept.content.empty());
  h2.on_loop([&] { kept.exchange->read_request_body(); });
  CHECK(kept.content == content);
  CHECK(kept.content_ended);
  h2.on_loop([&] { kept.exchange->reply({200, plain_head, {}}, "taken", {}); });
  CHECK(h2.client.exchange(id).answer.body == "taken");
}

TEST_CASE("a request whose content nobody wants is answered and its rest refused", "[node][h2]") {
  H2Rig h2;
  const int32_t id = h2.client.begin_upload("/");
  h2.client.send_content(id, std::string(1000, 'x'), false);
  h2.run();
  CHECK(h2.client.exchange(id).answer.complete);
  CHECK(h2.client.exchange(id).closed);
  const int32_t next = h2.client.get("/");
  h2.run();
  CHECK(h2.client.exchange(next).answer.complete);
}

TEST_CASE("Expect: 100-continue is answered when the content is asked for", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  const int32_t id = h2.client.begin_upload("/", {{"expect", "100-continue"}});
  h2.run();
  REQUIRE(h2.rig.kept.size() == 1);
  CHECK(h2.client.exchange(id).answer.interims.empty());
  h2.on_loop([&] { h2.rig.kept[0]->exchange->read_request_body(); });
  CHECK(h2.client.exchange(id).answer.interims == std::vector<int>{100});
  h2.client.send_content(id, "content", true);
  h2.run();
  CHECK(h2.rig.kept[0]->content == "content");
  CHECK(h2.rig.kept[0]->content_ended);
}

TEST_CASE("interim responses are passed", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) {
    exchange.send_interim({103, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n", {}});
    exchange.reply({200, plain_head, {}}, "x", {});
  };
  const int32_t id = h2.client.get("/");
  h2.run();
  CHECK(h2.client.exchange(id).answer.interims == std::vector<int>{103});
  CHECK(h2.client.exchange(id).answer.status == 200);
  CHECK(h2.client.exchange(id).answer.header("link") == "</a.css>");
}

TEST_CASE("HEAD and 304 have no content and say its length", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) {
    serve::ReplyHead head{exchange.request().path == "/304" ? 304 : 200, plain_head, {}, 77};
    exchange.reply(head, {}, {});
  };
  for (const auto& [method, path] : {std::pair{"HEAD", "/"}, std::pair{"GET", "/304"}}) {
    const int32_t id = h2.client.request(method, path);
    h2.run();
    CHECK(h2.client.exchange(id).answer.complete);
    CHECK(h2.client.exchange(id).answer.body.empty());
    CHECK(h2.client.exchange(id).answer.header("content-length") == "77");
  }
}

TEST_CASE("urgent answers go first", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  std::vector<int32_t> ids;
  for (const std::string urgency : {"u=7", "u=3", "u=0", "u=5"})
    ids.push_back(h2.client.request("GET", "/", "a.example", {{"priority", urgency}}));
  h2.run();
  const std::string body(60'000, 'x');
  h2.on_loop([&] {
    for (const auto& kept : h2.rig.kept) {
      kept->body = body;
      kept->slice_bytes = 60'000;
      kept->exchange->reply({200, plain_head, {}, body.size()}, *kept);
    }
  });
  CHECK(h2.client.closed_order() == std::vector<int32_t>{ids[2], ids[1], ids[3], ids[0]});
}

TEST_CASE("a drain lets streams end and takes no more", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  const int32_t id = h2.client.get("/");
  H2Client idle(h2.rig.client_loop, h2.rig.address);
  h2.run();
  h2.rig.server->drain(30s, nullptr);
  h2.run();
  CHECK(idle.goaway());
  CHECK(idle.ended());
  CHECK(h2.client.goaway());
  CHECK(h2.client.goaway_error() == NGHTTP2_NO_ERROR);
  h2.rig.world.advance(1s);
  CHECK(!h2.client.ended());
  h2.on_loop([&] { h2.rig.kept[0]->exchange->reply({200, plain_head, {}}, "last", {}); });
  CHECK(h2.client.exchange(id).answer.body == "last");
  CHECK(h2.client.ended());
  CHECK(h2.rig.server->connections() == 0);
}

TEST_CASE("an idle connection ends in time, with a word", "[node][h2]") {
  H2Rig h2;
  h2.client.get("/");
  h2.run();
  h2.rig.world.advance(59s);
  CHECK(!h2.client.ended());
  h2.rig.world.advance(2s);
  CHECK(h2.client.goaway());
  CHECK(h2.client.goaway_error() == NGHTTP2_NO_ERROR);
  CHECK(h2.rig.server->connections() == 0);
}

TEST_CASE("a client that takes nothing of an answer loses the stream", "[node][h2]") {
  H2Rig h2;
  const std::string body(300'000, 'x');
  h2.rig.default_script = [&](serve::ServerExchange& exchange) {
    KeptExchange& kept = h2.rig.keep(exchange);
    kept.body = body;
    exchange.reply({200, plain_head, {}, body.size()}, kept);
  };
  h2.client.set_window(1000);
  h2.client.hold_windows();
  const int32_t id = h2.client.get("/");
  h2.rig.world.advance(59s);
  CHECK(!h2.client.exchange(id).closed);
  h2.rig.world.advance(3s);
  CHECK(h2.client.exchange(id).error == NGHTTP2_CANCEL);
  CHECK(h2.rig.kept[0]->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::client_gone});
}

TEST_CASE("a stop of the loop in mid-answer ends every exchange once", "[node][h2]") {
  H2Rig h2;
  h2.rig.default_script = [&](serve::ServerExchange& exchange) { h2.rig.keep(exchange); };
  for (int i = 0; i < 5; ++i) h2.client.get("/");
  h2.run();
  h2.rig.server_io->stop();
  for (const auto& kept : h2.rig.kept)
    CHECK(kept->ends == std::vector<serve::ExchangeEnd>{serve::ExchangeEnd::shutdown});
}

TEST_CASE("ALPN chooses HTTP/2, and a node serves stored responses by it", "[node][h2][tls]") {
  Cluster cluster(
      Setup()
          .file("a.pem", pem("a.pem"))
          .file("a.key", pem("a.key"))
          .tables("tls = [\"10.1.0.1:443\"]\n[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n"));
  const std::string body(200'000, 'b');
  cluster.origin().on("/a").reply(200).max_age(60).body(body).etag("\"v\"");
  net::TlsFactory factory(cluster.client_loop());
  const auto context = net::TlsClientContext::build({pem("root.pem"), nullptr, true}).value();
  H2Client client(cluster.client_loop(), net::Address::parse("10.1.0.1:443").value(), {factory, context});
  cluster.run();
  REQUIRE(client.tls() != nullptr);
  CHECK(client.tls()->http2);
  const int32_t miss = client.get("/a");
  cluster.run_until([&] { return client.exchange(miss).closed; });
  CHECK((client.exchange(miss).answer.body == body));
  const int32_t hit = client.get("/a");
  const int32_t part = client.request("GET", "/a", "a.example", {{"range", "bytes=5-14"}});
  const int32_t unchanged = client.request("GET", "/a", "a.example", {{"if-none-match", "\"v\""}});
  const int32_t elsewhere = client.request("GET", "/a", "b.example");
  cluster.run();
  CHECK(client.exchange(hit).answer.hit());
  CHECK((client.exchange(hit).answer.body == body));
  CHECK(client.exchange(part).answer.status == 206);
  CHECK(client.exchange(part).answer.body == std::string(10, 'b'));
  CHECK(client.exchange(unchanged).answer.status == 304);
  CHECK(client.exchange(elsewhere).answer.complete);
  const ReceivedRequest& received = cluster.origin().requests().front();
  CHECK(received.header("host") == "a.example");
  CHECK(received.header("x-forwarded-proto") == "https");
  for (const auto& [name, value] : received.headers) CHECK(!name.starts_with(':'));
}

}  // namespace
}  // namespace perigee::test

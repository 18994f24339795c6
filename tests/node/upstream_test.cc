// A node and its origin servers: what is sent again, how long is waited, and what is believed.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/random.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/raw_origin.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;
using After = RawOrigin::After;

const net::Address raw_address = net::Address::parse("10.9.0.9:80").value();

Setup raw_setup() { return Setup().origin("servers = [\"10.9.0.9:80\"]\n"); }

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST_CASE("a GET whose connection dies before an answer is sent again", "[node][upstream][retry]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{"", After::end}, {"", After::reset}, {hello}});
  cluster.get("eu-1", "/a").expect(200).body("hello");
  REQUIRE(origin.requests() == 3);
  REQUIRE(cluster.metric(Metric::upstream_retries) == 2);
}

TEST_CASE("a GET is sent three times at most", "[node][upstream][retry]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{"", After::end}});
  cluster.get("eu-1", "/a").expect(502);
  REQUIRE(origin.requests() == 3);
}

TEST_CASE("a POST and whatever carries content is never sent again", "[node][upstream][retry]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{"", After::end}});
  cluster.request("eu-1", "POST", "/a", {}, "content").expect(502);
  cluster.request("eu-1", "POST", "/a").expect(502);
  cluster.request("eu-1", "PUT", "/a", {}, "content").expect(502);
  REQUIRE(origin.requests() == 3);
  REQUIRE(cluster.metric(Metric::upstream_retries) == 0);
}

TEST_CASE("retries end where their budget ends", "[node][upstream][retry]") {
  Cluster cluster(raw_setup().tables("[retries]\nbudget_percent = 0\nper_second = 0\n"));
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{"", After::end}});
  cluster.get("eu-1", "/a").expect(502);
  REQUIRE(origin.requests() == 1);
  REQUIRE(cluster.metric(Metric::retry_budget_exhausted) == 1);
}

TEST_CASE("an origin that fails half of what it is asked is not asked an eighth more",
          "[node][upstream][retry]") {
  // No breaker: half of the answers are worth having. Connections that are kept fail like new ones.
  Cluster cluster(Setup().origin("servers = [\"10.9.0.9:80\"]\nbreaker_percent = 0\n"));
  RawOrigin origin(cluster.world(), "raw", raw_address);
  constexpr size_t asked = 6000;
  Random random(7);
  std::vector<RawOrigin::Line> lines;
  for (size_t i = 0; i < 2 * asked; ++i) {
    lines.push_back(random.chance(0.5) ? RawOrigin::Line{hello} : RawOrigin::Line{"", After::reset});
  }
  origin.answers(std::move(lines));
  std::vector<TestConnection*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&cluster.connect("eu-1"));
  // 300 a second, for twenty seconds.
  for (size_t i = 0; i < asked; ++i) {
    clients[i % clients.size()]->request("GET", "/" + std::to_string(i), "a.example");
    cluster.advance(3'333us);
  }
  cluster.advance(5s);
  size_t answered = 0;
  for (const TestConnection* client : clients) answered += client->answers();
  REQUIRE(answered == asked);
  REQUIRE(cluster.metric(Metric::retry_budget_exhausted) > 0);
  REQUIRE(static_cast<double>(origin.requests()) <= 1.12 * asked);
  REQUIRE(static_cast<double>(origin.requests()) > 1.08 * asked);
}

TEST_CASE("a reused connection that dies without an answer costs the client nothing",
          "[node][upstream][reuse]") {
  Cluster cluster(raw_setup().tables("[retries]\nmax = 0\n"));
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{hello}, {hello}, {"", After::reset}, {hello}});
  for (int i = 0; i < 3; ++i) cluster.get("eu-1", "/a").expect(200).body("hello");
  REQUIRE(origin.requests() == 4);
  REQUIRE(origin.connections() == 2);
  REQUIRE(cluster.metric(Metric::upstream_reuses) == 2);
}

TEST_CASE("a POST goes on a connection of its own", "[node][upstream][reuse]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{hello}});
  cluster.get("eu-1", "/a").expect(200);
  cluster.request("eu-1", "POST", "/a").expect(200);
  REQUIRE(origin.connections() == 2);
}

TEST_CASE("an origin that cannot be reached is an error that says how", "[node][upstream][errors]") {
  struct Case {
    std::string name;
    std::function<void(Cluster&)> prepare;
    int status;
    std::string error;
  };
  const std::vector<Case> cases = {
      {"refused", [](Cluster& cluster) { cluster.world().set_refuse("eu-1", "origin", true); }, 502,
       "connection_refused"},
      {"no answer to the connect", [](Cluster& cluster) { cluster.world().set_drop("eu-1", "origin", true); },
       504, "connection_timeout"},
      {"no first byte", [](Cluster& cluster) { cluster.origin().on("/a").reply(200).delay(100s); }, 504,
       "http_response_timeout"},
      {"no such name", [](Cluster& cluster) { cluster.world().fail_host("origin.test", "dns_error"); }, 502,
       "dns_error"},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    const bool named = each.name == "no such name";
    Cluster cluster(named ? Setup().origin("servers = [\"origin.test\"]\n") : Setup());
    each.prepare(cluster);
    const Reply reply = cluster.get("eu-1", "/a");
    reply.expect(each.status)
        .field("proxy-status", "eu-1; error=" + each.error)
        .field("cache-control", "no-store");
    REQUIRE(cluster.exchanges("eu-1").lines.back().cache == "error");
  }
}

TEST_CASE("an origin is found by its name", "[node][upstream][dns]") {
  Cluster cluster(Setup().origin("servers = [\"origin.test\"]\n"));
  cluster.world().add_host("origin.test", {"10.9.0.1"});
  cluster.origin().on("/a").reply(200).body("hello");
  cluster.get("eu-1", "/a").expect(200).body("hello");
}

TEST_CASE("servers of a group take turns by weight, and a backup waits until the others are gone",
          "[node][upstream][group]") {
  Cluster cluster(
      Setup().origin("servers = [{ address = \"10.9.0.1:80\", weight = 3 }, { address = \"10.9.0.2:80\" }, "
                     "{ address = \"10.9.0.3:80\", backup = true }]\n"));
  ScriptedOrigin& light = cluster.add_origin("light", "10.9.0.2:80");
  ScriptedOrigin& backup = cluster.add_origin("backup", "10.9.0.3:80");
  for (ScriptedOrigin* each : {&cluster.origin(), &light, &backup}) each->on("/a").reply(200).body("x");
  for (int i = 0; i < 8; ++i) cluster.get("eu-1", "/a").expect(200);
  REQUIRE(cluster.origin().count("GET", "/a") == 6);
  REQUIRE(light.count("GET", "/a") == 2);
  REQUIRE(backup.count("GET", "/a") == 0);
  cluster.origin().crash();
  light.crash();
  cluster.get("eu-1", "/a").expect(200);
  REQUIRE(backup.count("GET", "/a") == 1);
}

TEST_CASE("early hints are passed on", "[node][upstream][interim]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .interim(103, "link", "</style.css>; rel=preload")
      .delay(1s)
      .body("hello");
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return client.answers() == 1; });
  Reply(client.answer(0)).expect(200).body("hello");
  REQUIRE(client.answer(0).interims == std::vector<int>{103});
  REQUIRE(client.received().find("link: </style.css>; rel=preload") != std::string::npos);
}

TEST_CASE("several interim responses keep their order, and their connection's fields stay behind",
          "[node][upstream][interim]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers(
      {{"HTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 103 Early Hints\r\nLink: </1>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"
        "HTTP/1.1 103 Early Hints\r\nLink: </2>\r\nCache-Control: max-age=60\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}});
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return client.answers() == 1; });
  Reply(client.answer(0)).expect(200).body("ok").without("link").without("cache-control");
  REQUIRE(client.answer(0).interims == std::vector<int>{103, 103});
  REQUIRE(client.received().find("</1>") < client.received().find("</2>"));
  REQUIRE(client.received().find("x-hop") == std::string::npos);
  // What an interim response says of caching is not said of the final one.
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).answer().hit());
}

TEST_CASE("HTTP/1.0 clients get no interim responses", "[node][upstream][interim]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).interim(103, "link", "</style.css>").max_age(60).body("hello");
  TestConnection& client = cluster.connect("eu-1");
  client.expect_answer_to(http::Method::get);
  client.send("GET /a HTTP/1.0\r\nHost: a.example\r\n\r\n");
  cluster.run();
  REQUIRE(client.answers() == 1);
  REQUIRE(client.answer(0).interims.empty());
  Reply(client.answer(0)).expect(200).body("hello");
}

TEST_CASE("an upgrade passes only where the site allows it", "[node][upstream][upgrade]") {
  const Headers fields = {{"connection", "upgrade"}, {"upgrade", "websocket"}};
  for (const bool allowed : {true, false}) {
    INFO(allowed);
    Cluster cluster(allowed ? raw_setup().site("allow_upgrade = true\n") : raw_setup());
    RawOrigin origin(cluster.world(), "raw", raw_address);
    if (allowed) {
      origin.echoes().answers(
          {{"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly "}});
    } else {
      origin.answers({{hello}});
    }
    TestConnection& client = cluster.connect("eu-1");
    client.request("GET", "/chat", default_host, fields);
    cluster.run();
    if (!allowed) {
      REQUIRE(client.answers() == 1);
      REQUIRE(origin.received(0).find("upgrade") == std::string::npos);
      continue;
    }
    REQUIRE(client.received().starts_with("HTTP/1.1 101 "));
    client.send("ping");
    cluster.run();
    REQUIRE(client.received().ends_with("\r\n\r\nearly ping"));
    client.end();
    cluster.run();
    REQUIRE(client.ended());
  }
}

TEST_CASE("content is asked for before it is sent, when the client waits for that",
          "[node][upstream][content]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("thanks");
  TestConnection& client = cluster.connect("eu-1");
  client.expect_answer_to(http::Method::post);
  client.send("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n");
  cluster.run();
  REQUIRE(client.received().starts_with("HTTP/1.1 100 "));
  client.send("content");
  cluster.run();
  Reply(client.answer(0)).expect(200).body("thanks");
  REQUIRE(cluster.origin().last().body == "content");
}

TEST_CASE("content without a length is passed on in chunks", "[node][upstream][content]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("thanks");
  TestConnection& client = cluster.connect("eu-1");
  client.expect_answer_to(http::Method::post);
  client.send("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  cluster.run();
  client.send("3\r\ntwo\r\n0\r\n\r\n");
  cluster.run();
  Reply(client.answer(0)).expect(200).body("thanks");
  REQUIRE(cluster.origin().last().body == "onetwo");
  REQUIRE(cluster.origin().last().header("transfer-encoding") == "chunked");
}

TEST_CASE("a slow origin slows the client's upload, not the node's memory", "[node][upstream][content]") {
  Cluster cluster;
  const std::string content(5'000'000, 'x');
  cluster.origin().on("/a").reply(200).read_late(5s).body("thanks");
  TestConnection& client = cluster.connect("eu-1");
  client.request("POST", "/a", default_host, {}, content);
  cluster.advance(4s);
  REQUIRE(cluster.io("eu-1").counters().bytes_read < 1'500'000);
  cluster.run_until([&] { return client.answers() == 1; });
  Reply(client.answer(0)).expect(200).body("thanks");
  REQUIRE((cluster.origin().last().body == content));
}

TEST_CASE("too much content is refused", "[node][upstream][content]") {
  Cluster cluster(Setup().site("request_body_max = \"1KiB\"\n"));
  cluster.request("eu-1", "POST", "/a", {}, std::string(1025, 'x')).expect(413);
  REQUIRE(cluster.origin().requests().empty());
  TestConnection& client = cluster.connect("eu-1");
  client.expect_answer_to(http::Method::post);
  client.send("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" +
              std::string(4096, 'x') + "\r\n0\r\n\r\n");
  cluster.run();
  Reply(client.answer(0)).expect(413);
  for (const ReceivedRequest& request : cluster.origin().requests()) REQUIRE(!request.complete);
}

TEST_CASE("a client that leaves in the middle of its content ends the request", "[node][upstream][content]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).body("thanks");
  TestConnection& client = cluster.connect("eu-1");
  client.send("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nhalf");
  cluster.run();
  client.close();
  cluster.advance(1s);
  REQUIRE(!cluster.origin().last().complete);
}

namespace {

struct Lie {
  std::string name;
  RawOrigin::Line line;
  int status;
  bool complete;
  std::string body;
};

// Tells the lie to a node once; what the client gets, and what is stored of it.
void tell(const Lie& each) {
  INFO(each.name);
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({each.line});
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return client.answers() == 1; });
  const Answer& answer = client.answer(0);
  if (each.complete) {
    REQUIRE(answer.complete);
    REQUIRE(answer.status == each.status);
    REQUIRE(answer.body == each.body);
  } else if (answer.status == 200) {
    REQUIRE(!answer.complete);
    REQUIRE(each.body.starts_with(answer.body));
  } else {
    // It broke off before anything had been said to the client.
    REQUIRE(answer.status == 502);
  }
  if (each.complete && each.status == 200) return;
  origin.answers({{hello}});
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).body("hello").answer().hit());
}

}  // namespace

TEST_CASE("an origin that lies is found out", "[node][upstream][lies]") {
  const std::string ok = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n";
  const std::vector<Lie> cases = {
      {"too short", {ok + "Content-Length: 10\r\n\r\nhello", After::end}, 200, false, "hello"},
      {"too short, by a reset", {ok + "Content-Length: 10\r\n\r\nhello", After::reset}, 200, false, "hello"},
      {"too long", {ok + "Content-Length: 5\r\n\r\nhello world"}, 200, true, "hello"},
      {"a second answer", {hello + hello}, 200, true, "hello"},
      {"chunks without end",
       {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", After::end},
       200,
       false,
       "hello"},
      {"a broken chunk",
       {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"},
       200,
       false,
       "hello"},
      {"until the connection ends", {ok + "\r\nhello", After::end}, 200, true, "hello"},
      {"garbage", {"nonsense\r\n\r\n"}, 502, true, "502 Bad Gateway\n"},
      {"half a head", {"HTTP/1.1 200 OK\r\nConte", After::end}, 502, true, "502 Bad Gateway\n"},
      {"two framings",
       {ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
       502,
       true,
       "502 Bad Gateway\n"},
      {"two lengths",
       {ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
       502,
       true,
       "502 Bad Gateway\n"},
      {"a negative length", {ok + "Content-Length: -5\r\n\r\nhello"}, 502, true, "502 Bad Gateway\n"},
      {"a head without end",
       {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')},
       502,
       true,
       "502 Bad Gateway\n"},
      {"a switch nobody asked for",
       {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
       502,
       true,
       "502 Bad Gateway\n"},
  };
  for (const Lie& each : cases) tell(each);
}

TEST_CASE("what follows an answer is no answer to the next request", "[node][upstream][lies]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{hello + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"}, {hello}});
  cluster.get("eu-1", "/a").expect(200).body("hello");
  cluster.get("eu-1", "/b").expect(200).body("hello");
  REQUIRE(origin.connections() == 2);
}

TEST_CASE("a body that stops coming is cut after the idle time", "[node][upstream][errors]") {
  Cluster cluster(raw_setup());
  RawOrigin origin(cluster.world(), "raw", raw_address);
  origin.answers({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"}});
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.advance(14s);
  REQUIRE(client.answers() == 0);
  cluster.advance(2s);
  REQUIRE(client.answers() == 1);
  REQUIRE(!client.answer(0).complete);
}

}  // namespace
}  // namespace perigee::test

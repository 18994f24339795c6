// What a node keeps account of: the access log and the figures by site and upstream, refused requests among
// them; and what it passes on of a trace.
#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "tests/node/support/cluster.h"
#include "tests/node/support/h2_frames.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

const std::string trace = "0af7651916cd43dd8448eb211c80319c";
const std::string parent = "00-" + trace + "-b7ad6b7169203331-01";

// Goes on with the table [listen] of a node that is alone.
const std::string h2_clear = "http2_clear = true\n";

bool has_line(Cluster& cluster, const std::string& line) {
  return ("\n" + cluster.node("eu-1").metrics_text()).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("what peers and operators are sent is not counted as sent to clients", "[node][accounting]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}));
  const std::string body(60'000, 'x');
  cluster.origin().on("/a").reply(200).max_age(60).body(body);
  const std::string owner = cluster.owners("eu", "/a")[0];
  const std::string other = cluster.owners("eu", "/a")[1];
  cluster.get(other, "/a").expect(200).body(body);
  CHECK(cluster.metric(owner, Metric::client_bytes_sent) == 0);
  CHECK(cluster.metric(owner, Metric::connections_accepted) == 0);
  CHECK(cluster.metric(owner, Metric::connections_open) == 0);
  CHECK(cluster.metric(owner, Metric::peer_bytes_sent) > body.size());
  CHECK(cluster.metric(owner, Metric::peer_connections_accepted) == 1);
  CHECK(cluster.metric(owner, Metric::peer_connections_open) == 1);
  CHECK(cluster.metric(other, Metric::client_bytes_sent) > body.size());
  CHECK(cluster.metric(other, Metric::connections_accepted) == 1);
  CHECK(cluster.metric(other, Metric::peer_bytes_sent) == 0);

  Cluster alone(Setup().tables("admin = \"127.0.0.1:9180\"\n"));
  TestConnection operators(alone.client_loop(), net::Address::parse("127.0.0.1:9180").value());
  operators.request("GET", "/status", "127.0.0.1:9180");
  alone.run_until([&] { return operators.answers() == 1; });
  REQUIRE(operators.answer(0).status == 200);
  const Json status = parse_json(operators.answer(0).body);
  CHECK(status["client_bytes"] == 0);
  CHECK(status["origin_bytes_saved"] == 0);
  CHECK(status["connections_open"] == 0);
  CHECK(alone.metric(Metric::connections_accepted) == 0);
}

TEST_CASE("connections of peers over the limit are not counted as clients'", "[node][accounting]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}).tables("[limits]\nconnections = 2\n"));
  std::vector<std::unique_ptr<TestConnection>> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(
        std::make_unique<TestConnection>(cluster.client_loop(), net::Address::parse("10.1.0.1:81").value()));
    cluster.run();
  }
  CHECK(peers.back()->ended());
  CHECK(cluster.metric("eu-1", Metric::peer_connections_refused) >= 1);
  CHECK(cluster.metric("eu-1", Metric::connections_refused) == 0);
  std::vector<TestConnection*> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(&cluster.connect("eu-2"));
    cluster.run();
  }
  CHECK(!clients[1]->ended());
  CHECK(clients[2]->ended());
  CHECK(cluster.metric("eu-2", Metric::connections_refused) == 1);
  CHECK(cluster.metric("eu-2", Metric::peer_connections_refused) == 0);
}

TEST_CASE("what the server refuses before a handler sees it is in the access log", "[node][accounting]") {
  const struct {
    std::string bytes;
    int status;
    std::string method;
    std::string path;
  } cases[] = {
      {"GET / HTTP/1.1\r\nhost: a.example\r\nbad header\r\n\r\n", 400, "GET", "/"},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nhost: a.example\r\n\r\n", 414, "GET",
       "/" + std::string(2043, 'a')},
      {"GET /big HTTP/1.1\r\nhost: a.example\r\nx: " + std::string(20000, 'x') + "\r\n\r\n", 431, "GET",
       "/big"},
      {"CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n", 501, "CONNECT", "a.example:443"},
      {"GET /old HTTP/2.5\r\nhost: a.example\r\n\r\n", 505, "GET", "/old"},
      {"GET /slow HTTP/1.1\r\nhost: a.exa", 408, "GET", "/slow"},
      {"\x16\x03\x01\x02", 400, "\x16\x03\x01\x02", ""},
  };
  for (const auto& each : cases) {
    INFO(each.status << " " << each.bytes.substr(0, 40));
    Cluster cluster;
    cluster.connect("eu-1").send(each.bytes);
    cluster.advance(20s);
    REQUIRE(cluster.exchanges("eu-1").lines.size() == 1);
    const ExchangeLines::Line& line = cluster.exchanges("eu-1").lines.front();
    CHECK(line.status == each.status);
    CHECK(line.cache == "refused");
    CHECK(!line.detail.empty());
    CHECK(line.method == each.method);
    if (each.status != 501) CHECK(line.path == each.path);
    CHECK(has_line(cluster, "perigee_refused_total{status=\"" + std::to_string(each.status) + "\"} 1"));
  }
}

TEST_CASE("what HTTP/2 refuses before a head is whole is in the access log", "[node][accounting][h2]") {
  const std::string begun = frame(FrameType::headers, end_stream, 1, block(get_lines("/begun")));
  FieldLines incomplete = get_lines("/nobody");
  incomplete.erase(incomplete.begin());
  // One entry of the table, named a thousand times: small on the wire, large when unpacked.
  const std::string bomb =
      "\x40" + literal("x-bomb", std::string(3000, 'b')).substr(1) + std::string(1000, '\xbe');
  const struct {
    std::string_view name;
    std::string bytes;
    int status;
    std::string path;
  } cases[] = {
      {"a preface that stays unfinished", std::string(h2_preface.substr(0, 10)), 408, ""},
      {"no preface", std::string(h2_preface) + "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n", 400, ""},
      {"a frame that may not be first", h2_hello() + frame(FrameType::data, 0, 1, "x"), 400, ""},
      {"a head on a stream that no client may begin",
       h2_hello() + frame(FrameType::headers, end_stream | end_headers, 2, block(get_lines("/"))), 400, ""},
      {"a head that stays unfinished", h2_hello() + begun, 408, "/begun"},
      {"fields that cannot be unpacked",
       h2_hello() + begun + frame(FrameType::continuation, end_headers, 1, "\xff\xff"), 400, "/begun"},
      {"another frame within a head", h2_hello() + begun + frame(FrameType::ping, 0, 0, "12345678"), 400,
       "/begun"},
      {"a head without a method",
       h2_hello() + frame(FrameType::headers, end_stream | end_headers, 1, block(incomplete)), 400,
       "/nobody"},
      {"a bomb",
       h2_hello() + frame(FrameType::headers, end_stream | end_headers, 1, block(get_lines("/bomb")) + bomb),
       431, "/bomb"},
  };
  for (const auto& each : cases) {
    INFO(each.name);
    Cluster cluster(Setup().tables(h2_clear));
    cluster.connect("eu-1").send(each.bytes);
    cluster.advance(100s);
    const auto& lines = cluster.exchanges("eu-1").lines;
    REQUIRE(lines.size() == 1);
    CHECK(lines.front().status == each.status);
    CHECK((lines.front().cache == "refused" && !lines.front().detail.empty()));
    CHECK(lines.front().path == each.path);
    CHECK(has_line(cluster, "perigee_refused_total{status=\"" + std::to_string(each.status) + "\"} 1"));
  }
}

TEST_CASE("an HTTP/2 connection that fails later, or asks nothing, is no refused request",
          "[node][accounting][h2]") {
  Cluster cluster(Setup().tables(h2_clear));
  cluster.origin().on("/a").reply(200).body("x");
  cluster.connect("eu-1").send(h2_hello());
  cluster.connect("eu-1").send(h2_hello() + get_frame(1, "/a") + frame(FrameType::data, 0, 0, "x"));
  cluster.advance(100s);
  for (const ExchangeLines::Line& line : cluster.exchanges("eu-1").lines) CHECK(line.cache != "refused");
  CHECK(cluster.exchanges("eu-1").lines.size() == 1);
}

TEST_CASE("what the edge refuses is in the access log, with its site", "[node][accounting]") {
  Cluster cluster(Setup().site("request_body_max = \"1KiB\"\n"));
  cluster.request("eu-1", "POST", "/form", {}, std::string(2000, 'x')).expect(413);
  cluster.get("eu-1", "/a", {{"cache-control", "only-if-cached"}}).expect(504);
  const auto& lines = cluster.exchanges("eu-1").lines;
  REQUIRE(lines.size() == 2);
  CHECK((lines[0].status == 413 && lines[0].cache == "refused" && lines[0].detail == "content-too-large"));
  CHECK((lines[1].status == 504 && lines[1].detail == "only-if-cached" && lines[1].path == "/a"));
  CHECK(!lines[1].site.empty());
}

TEST_CASE("a request whose content breaks the rules is logged once, with the status it got",
          "[node][accounting]") {
  Cluster cluster;
  cluster.origin().on("/form").reply(200).body("never");
  TestConnection& connection = cluster.connect("eu-1");
  connection.send("POST /form HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
  cluster.advance(1s);
  const auto& lines = cluster.exchanges("eu-1").lines;
  REQUIRE(lines.size() == 1);
  CHECK(lines.front().status == 400);
  CHECK(lines.front().cache == "error");
}

TEST_CASE("answers are counted by site, kind and status, and timed up to their head", "[node][accounting]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).body("12345").delay(3ms);
  cluster.origin().on("/gone").reply(404).body("no");
  cluster.get("eu-1", "/a").expect(200).miss();
  cluster.get("eu-1", "/a").expect(200).hit();
  cluster.get("eu-1", "/gone").expect(404);
  const std::string& site = cluster.exchanges("eu-1").lines.front().site;
  const std::string of_site = "{site=\"" + site + "\"";
  CHECK(has_line(cluster, "perigee_site_responses_total" + of_site + ",result=\"hit\",code=\"2xx\"} 1"));
  CHECK(has_line(cluster, "perigee_site_responses_total" + of_site + ",result=\"miss\",code=\"2xx\"} 1"));
  CHECK(has_line(cluster, "perigee_site_responses_total" + of_site + ",result=\"miss\",code=\"4xx\"} 1"));
  CHECK(has_line(cluster, "perigee_site_forwards_total" + of_site + ",reason=\"uri-miss\"} 2"));
  CHECK(has_line(cluster, "perigee_site_bytes_total" + of_site + "} 12"));
  CHECK(has_line(cluster, "perigee_site_answer_seconds_count" + of_site + "} 3"));
  // The miss took at least what its origin did; the hit no time at all.
  CHECK(!has_line(cluster, "perigee_site_answer_seconds_bucket" + of_site + ",le=\"0.002\"} 3"));
  const std::string& page = cluster.node("eu-1").metrics_text();
  CHECK(page.find("perigee_upstream_sent_total{tier=\"origin\",upstream=") != std::string::npos);
  CHECK(page.find("perigee_upstream_first_byte_seconds_count{tier=\"origin\"") != std::string::npos);
}

TEST_CASE("a failing origin is counted by reason, and a peer by its name", "[node][accounting]") {
  Cluster failing(Setup().origin("servers = [\"10.9.0.77:80\"]\n"));
  failing.get("eu-1", "/x").expect(502);
  const std::string page = failing.node("eu-1").metrics_text();
  CHECK(page.find("perigee_upstream_failed_total{tier=\"origin\"") != std::string::npos);
  CHECK(page.find("reason=\"connection_") != std::string::npos);

  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}));
  cluster.origin().on("/a").reply(200).max_age(60).body("x");
  std::string path = "/a";
  while (cluster.owners("eu", path).front() == "eu-1") path += "a";
  cluster.origin().on(path).reply(200).max_age(60).body("x");
  cluster.get("eu-1", path).expect(200);
  CHECK(has_line(cluster, "perigee_upstream_sent_total{tier=\"region\",upstream=\"eu-2\"} 1"));
  // The peer served a node, not a client.
  CHECK(cluster.node("eu-2").metrics_text().find("perigee_site_responses_total{") == std::string::npos);
}

TEST_CASE("a valid trace is passed on and logged, a broken one is dropped", "[node][accounting][trace]") {
  Cluster cluster;
  for (const char* path : {"/a", "/b", "/c"}) cluster.origin().on(path).reply(200).max_age(60).body("x");
  cluster.get("eu-1", "/a", {{"traceparent", parent}, {"tracestate", "a=1"}}).expect(200).miss();
  CHECK(cluster.origin().last().header("traceparent") == parent);
  CHECK(cluster.origin().last().header("tracestate") == "a=1");
  cluster.get("eu-1", "/b", {{"traceparent", parent + "x"}, {"tracestate", "a=1"}}).expect(200).miss();
  CHECK(cluster.origin().last().header("traceparent").empty());
  CHECK(cluster.origin().last().header("tracestate").empty());
  cluster.get("eu-1", "/c", {{"traceparent", parent}, {"tracestate", "a"}}).expect(200).miss();
  CHECK(cluster.origin().last().header("traceparent") == parent);
  CHECK(cluster.origin().last().header("tracestate").empty());
  cluster.get("eu-1", "/a", {{"traceparent", parent}}).expect(200).hit();
  const auto& lines = cluster.exchanges("eu-1").lines;
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].trace_id == trace);
  CHECK(lines[1].trace_id.empty());
  CHECK(lines[2].trace_id == trace);
  CHECK(lines[3].trace_id == trace);
}

TEST_CASE("what clients ask for most is listed by all workers together; what peers ask for is not",
          "[node][accounting][top]") {
  Cluster cluster(Setup().nodes({"eu-1", "eu-2"}).workers(2));
  std::string often = "/often";
  while (cluster.owners("eu", often).front() == "eu-1") often += "n";
  cluster.origin().on(often).reply(200).max_age(60).body("x");
  cluster.origin().on("/once").reply(200).field("cache-control", "no-store").body("x");
  for (int i = 0; i < 6; ++i) cluster.get("eu-1", often).expect(200);
  cluster.get("eu-1", "/once").expect(200);
  const auto urls = [&](const std::string& node) {
    Json page;
    cluster.node(node).urls([&](int, const std::string& json) { page = parse_json(json); });
    cluster.run();
    return page;
  };
  const Json page = urls("eu-1");
  CHECK(page["requests"] == 7);
  REQUIRE(page["urls"].size() == 2);
  CHECK(page["urls"][0]["url"].get<std::string>().ends_with(often));
  CHECK(page["urls"][0]["requests"] == 6);
  CHECK(page["urls"][1]["share"].get<double>() == 1.0 / 7);
  CHECK(urls("eu-2")["urls"].empty());
}

TEST_CASE("a site may have its own share of the log", "[node][accounting]") {
  Cluster cluster(Setup().site("access_sample = 0.25\n"));
  const auto& sites = cluster.config("eu-1").sites->sites();
  REQUIRE(sites.size() == 1);
  CHECK(sites.front()->access_sample == 0.25);
}

}  // namespace
}  // namespace perigee::test

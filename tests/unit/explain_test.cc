#include "edge/proxy/explain.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/base/json.h"
#include "edge/cache/stored_head.h"
#include "edge/control/explain_page.h"
#include "edge/node_snapshot.h"
#include "tests/unit/map_files.h"
#include "tests/unit/policy_builder.h"

using namespace perigee;
using namespace perigee::test;
using perigee::proxy::ExplainQuery;

namespace {

constexpr std::string_view alone = R"(
[node]
name = "solo"
[listen]
client = ["127.0.0.1:8080"]
[[origin]]
name = "main"
servers = ["127.0.0.1:8000"]
[[site]]
name = "shop"
hosts = ["a.example"]
origin = "main"
[[site.rule]]
path_prefix = "/cart"
bypass = true
)";

constexpr std::string_view clustered = R"(
[node]
name = "eu-1"
topology = "t.toml"
[[origin]]
name = "main"
servers = ["127.0.0.1:8000"]
[[site]]
name = "all"
hosts = ["*"]
origin = "main"
shield = "us"
)";

constexpr std::string_view topology = R"(
[cluster]
peer_keys = [{id = "a", file = "peer.key"}]
[[region]]
name = "eu"
slots = 256
[[region]]
name = "us"
slots = 256
[[node]]
name = "eu-1"
region = "eu"
client = "127.0.1.1:80"
peer = "127.0.1.1:81"
[[node]]
name = "eu-2"
region = "eu"
client = "127.0.1.2:80"
peer = "127.0.1.2:81"
[[node]]
name = "us-1"
region = "us"
client = "127.0.2.1:80"
peer = "127.0.2.1:81"
)";

std::shared_ptr<const proxy::Snapshot> snapshot_of(std::string_view file) {
  MapFiles files{{"n.toml", std::string(file)},
                 {"t.toml", std::string(topology)},
                 {"peer.key", "0123456789abcdef0123456789abcdef\n"}};
  auto config = control::load_config(files, "n.toml", "");
  INFO((config ? std::string() : config.error().front().to_string()));
  REQUIRE(config);
  auto snapshot = build_snapshot(*config, {});
  REQUIRE(snapshot);
  return *snapshot;
}

// A node's snapshot and store, into which answers of noon are put, and what it says of a request later.
struct Rig {
  explicit Rig(std::string_view file = alone)
      : snapshot(snapshot_of(file)), store(cache::StoreOptions{}), reader(store.add_reader()) {}

  void put(std::string_view key, Rows request_fields, Rows fields, std::string_view body = "hello") {
    const http::RequestHead request = request_of(request_fields);
    const http::ResponseHead response = response_of(200, fields);
    const cache::Storability judged = judge(request, response);
    REQUIRE(judged.storable);
    std::string head;
    cache::write_stored_head(response, noon, {}, head);
    std::string selecting;
    cache::selecting_bytes(cache::parse_vary(response.fields).names, request.fields, selecting);
    REQUIRE(store.begin({{key, cache::key_hash(key)}, selecting, head, judged.meta}, body).commit());
  }

  Json ask(std::string_view query_text, int64_t seconds) {
    const auto query = control::parse_explain_query(query_text);
    REQUIRE(query);
    const auto explanation = proxy::explain(*query, *snapshot, health, reader, after(seconds));
    REQUIRE(explanation);
    return parse_json(control::explain_json(*query, *explanation, snapshot->node_name));
  }

  std::string error(std::string_view url) {
    ExplainQuery query;
    query.url = url;
    const auto explanation = proxy::explain(query, *snapshot, health, reader, noon);
    return explanation ? "" : std::string(explanation.error().code);
  }

  std::shared_ptr<const proxy::Snapshot> snapshot;
  cluster::HealthView health;
  cache::Store store;
  cache::Reader& reader;
};

constexpr std::string_view url = "url=http://a.example/x";

// "serve by fresh", what was decided and why.
std::string decided(const Json& page) {
  const Json& decision = page["decision"];
  return decision["action"].get<std::string>() + " by " + decision["rule"].get<std::string>();
}

int64_t line(const Json& page, std::string_view name) {
  for (const Json& each : page["stored"].at(0)["freshness"]) {
    if (each["name"] == name) return each["value"].get<int64_t>();
  }
  FAIL("no line " << name);
  return 0;
}

std::string from(const Json& page, std::string_view name) {
  for (const Json& each : page["stored"].at(0)["freshness"]) {
    if (each["name"] == name) return each["from"].get<std::string>();
  }
  return "";
}

}  // namespace

TEST_CASE("an explanation names key, site, owner, what is stored and what is decided", "[explain]") {
  Rig rig;
  rig.put("http://a.example/x", {},
          {{"Cache-Control", "max-age=60"}, {"ETag", "\"1\""}, {"Date", noon_text}});
  const Json page = rig.ask("url=HTTP://A.Example:80/%2578%2523y%23part", 0);
  CHECK(page["key"] == "http://a.example/x%23y");
  const Json hit = rig.ask(url, 20);
  CHECK(hit["node"] == "solo");
  CHECK(hit["key"] == "http://a.example/x");
  CHECK(hit["site"] == "shop");
  CHECK(hit["site_rule"].is_null());
  CHECK(hit["owners"] == parse_json(R"([{"region": "local", "nodes": ["solo"]}])"));
  REQUIRE(hit["stored"].size() == 1);
  CHECK(hit["stored"][0]["selected"] == true);
  CHECK(hit["stored"][0]["status"] == 200);
  CHECK(hit["stored"][0]["body_bytes"] == 5);
  CHECK(hit["stored"][0]["received"] == "2024-06-07T12:00:00.000Z");
  CHECK(hit["stored"][0]["fields"].at(0) == "cache-control: max-age=60");
  CHECK(decided(hit) == "serve by fresh");
  CHECK(hit["decision"]["source"] == "RFC 9111 4.2");
  CHECK(hit["decision"]["fwd"].is_null());
  CHECK(hit["answer"]["status"] == 200);
  CHECK(hit["answer"]["asks"].empty());
}

TEST_CASE("the freshness sum is told line by line and adds up", "[explain]") {
  Rig rig;
  rig.put("http://a.example/x", {},
          {{"Cache-Control", "max-age=60"}, {"Age", "7"}, {"Date", "Fri, 07 Jun 2024 11:59:55 GMT"}});
  const Json page = rig.ask(url, 20);
  CHECK(line(page, "date_value") == 1717761595);
  CHECK(line(page, "response_time") == 1717761600);
  CHECK(line(page, "apparent_age") == 5);
  CHECK(line(page, "corrected_age_value") == 7);
  CHECK(line(page, "corrected_initial_age") == 7);
  CHECK(line(page, "now") == 1717761620);
  CHECK(line(page, "resident_time") == 20);
  CHECK(line(page, "current_age") == 27);
  CHECK(line(page, "freshness_lifetime") == 60);
  CHECK(line(page, "ttl") == 33);
  CHECK(from(page, "freshness_lifetime") == "max-age of cache-control");
}

TEST_CASE("an explanation says where a freshness lifetime comes from", "[explain]") {
  struct Case {
    Rows fields;
    std::string_view from;
  };
  const Case cases[] = {
      {{{"Cache-Control", "max-age=9, s-maxage=60"}}, "s-maxage of cache-control"},
      {{{"Cache-Control", "max-age=9"}, {"CDN-Cache-Control", "max-age=60"}}, "max-age of cdn-cache-control"},
      {{{"Cache-Control", "max-age=9"}, {"Surrogate-Control", "max-age=60"}}, "max-age of surrogate-control"},
      {{{"Expires", "Fri, 07 Jun 2024 13:00:00 GMT"}}, "Expires - date_value"},
      {{{"Last-Modified", "Fri, 07 Jun 2024 02:00:00 GMT"}},
       "a tenth of date_value - Last-Modified (RFC 9111 4.2.2)"},
      {{{"ETag", "\"a\""}}, "the response does not say"},
      {{{"Cache-Control", "max-age=60"}, {"Age", "1"}, {"Age", "1"}, {"ETag", "\"a\""}},
       "max-age of cache-control, but its Age said nothing certain"},
  };
  for (const Case& each : cases) {
    INFO(each.from);
    Rig rig;
    rig.put("http://a.example/x", {}, each.fields);
    CHECK(from(rig.ask(url, 0), "freshness_lifetime") == each.from);
  }
}

TEST_CASE("an explanation says which rule decided, for the request that is described", "[explain]") {
  Rig rig;
  CHECK(decided(rig.ask(url, 0)) == "forward by nothing_stored");
  rig.put("http://a.example/x", {},
          {{"Cache-Control", "max-age=60, stale-while-revalidate=10"}, {"ETag", "\"1\""}});
  const std::string text(url);
  CHECK(decided(rig.ask(text + "&method=HEAD", 0)) == "serve by fresh");
  CHECK(decided(rig.ask(text + "&method=POST", 0)) == "forward by method");
  CHECK(decided(rig.ask(text + "&header=Cache-Control:%20no-cache", 0)) == "validate by request_no_cache");
  CHECK(decided(rig.ask(text + "&header=cache-control:max-age=5", 10)) == "validate by request_freshness");
  CHECK(decided(rig.ask(text, 65)) == "serve_stale_while_revalidate by stale_while_revalidate");
  CHECK(decided(rig.ask(text, 80)) == "validate by stale");
  CHECK(decided(rig.ask(text + "&header=cache-control:max-stale", 80)) == "serve by max_stale");
  CHECK(decided(rig.ask(text + "&header=cache-control:only-if-cached", 80)) == "gateway_timeout by stale");
  rig.put("http://a.example/x", {}, {{"Cache-Control", "max-age=60, must-revalidate"}, {"ETag", "\"1\""}});
  CHECK(decided(rig.ask(text, 80)) == "validate by must_revalidate");
  rig.put("http://a.example/x", {}, {{"Cache-Control", "max-age=60, no-cache"}, {"ETag", "\"1\""}});
  CHECK(decided(rig.ask(text, 0)) == "validate by response_no_cache");
  CHECK(decided(rig.ask("url=http://a.example/cart/1", 0)) == "forward by disabled");
  CHECK(rig.ask("url=http://a.example/%63art/1", 0)["site_rule"] == "/cart");
}

TEST_CASE("an explanation says what would be answered, and who would be asked", "[explain]") {
  Rig rig;
  rig.put("http://a.example/x", {},
          {{"Cache-Control", "max-age=60, stale-while-revalidate=10"}, {"ETag", "\"1\""}});
  const std::string text(url);
  CHECK(rig.ask(text + "&header=if-none-match:%20%221%22", 0)["answer"]["status"] == 304);
  CHECK(rig.ask(text + "&header=range:%20bytes=0-1", 0)["answer"]["status"] == 206);
  CHECK(rig.ask(text + "&header=cache-control:only-if-cached", 99)["answer"]["status"] == 504);
  const Json stale = rig.ask(text, 65)["answer"];
  CHECK(stale["status"] == 200);
  CHECK(stale["asks"] == parse_json(R"(["origin main"])"));
  const Json gone = rig.ask(text, 99)["answer"];
  CHECK(gone["status"].is_null());
  CHECK(gone["asks"] == parse_json(R"(["origin main"])"));
}

TEST_CASE("every variant is shown with what selected it, and the one that is selected now", "[explain]") {
  Rig rig;
  const Rows varying = {{"Cache-Control", "max-age=60"}, {"Vary", "Accept-Language, X-A"}};
  rig.put("http://a.example/x", {{"Accept-Language", "de"}, {"X-A", "1"}}, varying);
  rig.put("http://a.example/x", {{"Accept-Language", "fr"}}, varying, "salut");
  const Json page = rig.ask(std::string(url) + "&header=Accept-Language:%20de&header=X-A:1", 0);
  REQUIRE(page["stored"].size() == 2);
  CHECK(page["stored"][0]["selected"] == false);
  CHECK(page["stored"][1]["selected"] == true);
  CHECK(page["stored"][0]["selecting"] ==
        parse_json(R"([{"field": "accept-language", "value": "fr"}, {"field": "x-a", "value": null}])"));
  CHECK(page["stored"][1]["selecting"] ==
        parse_json(R"([{"field": "accept-language", "value": "de"}, {"field": "x-a", "value": "1"}])"));
  CHECK(decided(page) == "serve by fresh");
  const Json other = rig.ask(url, 0);
  CHECK(decided(other) == "forward by other_variants");
  CHECK(other["decision"]["fwd"] == "vary-miss");
}

TEST_CASE("a marker of hit-for-miss is told with what is left of it", "[explain]") {
  Rig rig;
  const std::string_view key = "http://a.example/x";
  rig.store.remember_hit_for_miss({key, cache::key_hash(key)}, cache::hit_for_miss_meta(noon, {}));
  const Json page = rig.ask(url, 20);
  CHECK(page["hit_for_miss_s"] == 100);
  CHECK(page["stored"].empty());
  CHECK(decided(page) == "forward by hit_for_miss");
  CHECK(rig.ask(url, 130)["hit_for_miss_s"] == -10);
  CHECK(decided(rig.ask(url, 130)) == "forward by nothing_stored");
}

TEST_CASE("in a cluster owners are listed by region, and peers come before the origin", "[explain]") {
  Rig rig(clustered);
  bool asked_a_peer = false;
  for (int i = 0; i < 16; ++i) {
    const Json page = rig.ask("url=http://b.example/" + std::to_string(i), 0);
    REQUIRE(page["owners"].size() == 2);
    CHECK(page["owners"][0]["region"] == "eu");
    CHECK(page["owners"][0]["nodes"].size() == 2);
    CHECK(page["owners"][1]["nodes"] == parse_json(R"(["us-1"])"));
    const Json& asks = page["answer"]["asks"];
    CHECK(asks.back() == "origin main");
    const bool owned_here = page["owners"][0]["nodes"][0] == "eu-1";
    CHECK(asks.front() == (owned_here ? "peer us-1" : "peer eu-2"));
    asked_a_peer = asked_a_peer || !owned_here;
  }
  CHECK(asked_a_peer);
  CHECK(rig.ask("url=http://b.example/1&method=POST", 0)["answer"]["asks"] ==
        parse_json(R"(["origin main"])"));
}

TEST_CASE("looking counts as no use and holds nothing", "[explain]") {
  Rig rig;
  rig.put("http://a.example/x", {}, {{"Cache-Control", "max-age=60"}});
  rig.ask(url, 0);
  CHECK(rig.store.stats().responses == 1);
  CHECK(rig.reader.pinned() == 0);
  const std::string_view key = "http://a.example/x";
  CHECK(rig.store.purge({key, cache::key_hash(key)}) == 1);
  rig.reader.turn_end();
  CHECK(rig.ask(url, 0)["stored"].empty());
}

TEST_CASE("what cannot be explained is an error that says why", "[explain]") {
  Rig rig;
  CHECK(rig.error("http://b.example/") == "no_such_site");
  for (const char* bad :
       {"", "a.example/x", "ftp://a.example/", "http://", "http://a b/", "http://a.example/ x"}) {
    INFO(bad);
    CHECK(rig.error(bad) == "bad_url");
  }
}

TEST_CASE("the query of /explain is read strictly", "[explain]") {
  const auto query = control::parse_explain_query(
      "url=http://a.example/a%3Fb=c%26d%2Be&method=HEAD&header=Accept-Language:+de,%20en&header=X-Empty:");
  REQUIRE(query);
  CHECK(query->url == "http://a.example/a?b=c&d+e");
  CHECK(query->method == "HEAD");
  REQUIRE(query->fields.size() == 2);
  CHECK(query->fields[0] == std::pair<std::string, std::string>("Accept-Language", "de, en"));
  CHECK(query->fields[1] == std::pair<std::string, std::string>("X-Empty", ""));
  for (const char* bad :
       {"", "url=", "url=%4", "url=%zz", "url=x&colour=red", "url=x&header=none", "url=x&header=:v",
        "url=x&header=a%20b:v", "url=x&header=a:%0d%0ab:c", "url=x&method=", "url=x&method=a%20b"}) {
    INFO(bad);
    const auto refused = control::parse_explain_query(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "bad_query");
    CHECK(parse_json(control::explain_error_json(refused.error()))["error"] == "bad_query");
  }
}

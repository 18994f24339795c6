// What a node that validates its copy with another node learns: all that this one has learnt of the same
// representation.
#include <catch2/catch_test_macros.hpp>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

// us-1 keeps what it has from an owner in eu, and validates it there.
Setup shielded(const std::string& site = {}) {
  return Setup().nodes({"eu-1", "eu-2", "us-1"}).purge_log("eu-1").site("shield = \"eu\"\n" + site);
}

enum class Confirms { with_304, with_the_same_again };

// The same representation, whatever else is said of it.
Script& origin_says(Cluster& cluster, Confirms confirms = Confirms::with_304) {
  Script& script = cluster.origin().on("/a").reply(200).body("old");
  return confirms == Confirms::with_304 ? script.etag("\"1\"") : script.field("etag", "\"1\"");
}

// us-1 and an owner in eu have it.
std::string store_twice(Cluster& cluster) {
  cluster.run();
  cluster.get("us-1", "/a").expect(200).miss();
  const std::string owner = cluster.owners("eu", "/a")[0];
  cluster.get(owner, "/a").expect(200).hit();
  return owner;
}

// Its copy is confirmed, not fetched again.
void validate_at_us(Cluster& cluster) {
  cluster.get("us-1", "/a").expect(200).body("old");
  REQUIRE(cluster.exchanges("us-1").lines.back().cache == "revalidated");
}

struct Tagging {
  std::string field;
  std::string before;
  std::string after;
};

void purge_by_new_tag(const Tagging& tagging, Confirms confirms, bool owner_knows) {
  Cluster cluster(shielded());
  origin_says(cluster).max_age(10).field(tagging.field, tagging.before);
  const std::string owner = store_twice(cluster);
  cluster.advance(11s);
  origin_says(cluster, confirms).max_age(600).field(tagging.field, tagging.after);
  if (owner_knows) cluster.get(owner, "/a").expect(200).forwarded("stale");
  validate_at_us(cluster);
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.get("us-1", "/a").hit().field(tagging.field, tagging.after);
  REQUIRE(cluster.purge("eu-2", R"({"tag": "new"})").status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).body("new");
  cluster.get("us-1", "/a").expect(200).body("new");
}

// The nodes have the first block of a large body each, and the origin answers the range with all of it.
void purge_partial_by_new_tag(Confirms confirms, bool owner_knows) {
  const Headers range = {{"range", "bytes=0-9"}};
  const auto body = [](char of) { return std::string(1'000'000, of); };
  Cluster cluster(shielded());
  cluster.run();
  const std::string owner = cluster.owners("eu", "/a")[0];
  origin_says(cluster).closed_ranges().max_age(10).field("cache-tag", "old").body(body('1'));
  cluster.get("us-1", "/a", range).expect(206);
  cluster.run();
  cluster.get(owner, "/a", range).expect(206).hit();
  cluster.advance(11s);
  origin_says(cluster, confirms).max_age(600).field("cache-tag", "new").body(body('1'));
  if (owner_knows) cluster.get(owner, "/a", range).expect(206).forwarded("stale");
  cluster.get("us-1", "/a", range).expect(206);
  cluster.run();
  cluster.get("us-1", "/a", range).expect(206).hit().field("cache-tag", "new");
  REQUIRE(cluster.purge("eu-2", R"({"tag": "new"})").status == 200);
  cluster.origin().on("/a").reply(200).max_age(600).body(body('2'));
  cluster.get("us-1", "/a", range).expect(206).body("2222222222");
}

}  // namespace

TEST_CASE("a purge by a tag that came with a validation finds the copies validated at a peer",
          "[node][cluster][purge][validation]") {
  for (const Tagging& tagging :
       {Tagging{"surrogate-key", "old", "other new"}, Tagging{"cache-tag", "old", "other, new"},
        Tagging{"cache-groups", "\"old\"", "\"other\", \"new\""}}) {
    for (const Confirms confirms : {Confirms::with_304, Confirms::with_the_same_again}) {
      for (const bool owner_knows : {true, false}) {
        INFO(tagging.field << ' ' << (confirms == Confirms::with_304) << ' ' << owner_knows);
        purge_by_new_tag(tagging, confirms, owner_knows);
      }
    }
  }
}

TEST_CASE("a purge by a tag that came with a validation finds the parts validated at a peer",
          "[node][cluster][purge][validation][range]") {
  for (const Confirms confirms : {Confirms::with_304, Confirms::with_the_same_again}) {
    for (const bool owner_knows : {true, false}) {
      INFO((confirms == Confirms::with_304) << ' ' << owner_knows);
      purge_partial_by_new_tag(confirms, owner_knows);
    }
  }
}

TEST_CASE("a peer that validates hears of every targeted field, whatever its name",
          "[node][cluster][validation]") {
  for (const std::string field : {"cdn-cache-control", "surrogate-control", "acme-keep"}) {
    INFO(field);
    Cluster cluster(shielded(
        "[site.cache]\ntargeted_fields = [\"acme-keep\", \"surrogate-control\", \"cdn-cache-control\"]\n"));
    origin_says(cluster).max_age(5).field(field, "max-age=10");
    const std::string owner = store_twice(cluster);
    cluster.advance(11s);
    origin_says(cluster).max_age(5).field(field, "max-age=600");
    cluster.get(owner, "/a").expect(200).forwarded("stale");
    validate_at_us(cluster);
    cluster.advance(300s);
    cluster.get("us-1", "/a").expect(200).hit().field(field, "max-age=600");
    REQUIRE(cluster.origin().count("GET", "/a") == 2);
  }
}

TEST_CASE("what an owner was told with a validation is said by every node", "[node][cluster][validation]") {
  Cluster cluster(shielded());
  origin_says(cluster).max_age(10).field("content-security-policy", "none").field("content-type", "text/a");
  const std::string owner = store_twice(cluster);
  cluster.advance(11s);
  origin_says(cluster, Confirms::with_the_same_again)
      .max_age(600)
      .field("content-security-policy", "self")
      .field("content-type", "text/b");
  cluster.get(owner, "/a").forwarded("stale").field("content-type", "text/b");
  validate_at_us(cluster);
  // What describes the bytes stays with the bytes.
  cluster.get("us-1", "/a").hit().field("content-security-policy", "self").field("content-type", "text/a");
}

TEST_CASE("a client's 304 repeats no more than RFC 9110 15.4.5 asks for", "[node][cluster][conditions]") {
  Cluster cluster(shielded());
  cluster.run();
  origin_says(cluster)
      .max_age(10)
      .field("surrogate-key", "key")
      .field("cache-tag", "tag")
      .field("cache-groups", "\"group\"")
      .field("content-security-policy", "self");
  const auto ask = [&] {
    Reply reply = cluster.get("us-1", "/a", {{"if-none-match", "\"1\""}});
    reply.expect(304).field("etag", "\"1\"").field("cache-control", "max-age=10");
    for (const char* name : {"surrogate-key", "cache-tag", "cache-groups", "content-security-policy"})
      reply.without(name);
    return reply;
  };
  ask().miss();
  cluster.run();
  ask().hit();
  cluster.advance(11s);
  ask().forwarded("stale");
}

}  // namespace perigee::test

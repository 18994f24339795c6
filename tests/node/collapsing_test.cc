// Request collapsing at a whole node: many clients, one fetch, and nobody the worse for the others.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

std::string pattern(size_t size, char first = 'a') {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(first + (i * 7 + i / 251) % 26);
  return bytes;
}

using Clients = std::vector<TestConnection*>;

Clients ask_many(Cluster& cluster, size_t count, const std::string& path) {
  Clients clients;
  for (size_t i = 0; i < count; ++i) clients.push_back(&cluster.ask("eu-1", path));
  return clients;
}

size_t answered(const Clients& clients) {
  size_t count = 0;
  for (const TestConnection* client : clients) count += client->answers();
  return count;
}

void require_all(const Clients& clients, int status, const std::string& body) {
  for (const TestConnection* client : clients) {
    REQUIRE(client->answers() == 1);
    Reply(client->answer(0)).expect(status).body(body);
  }
}

TEST_CASE("a hundred requests for one cold URL are one GET", "[node][collapsing]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).delay(1s).body("hello");
  const Clients clients = ask_many(cluster, 100, "/a");
  cluster.run_until([&] { return answered(clients) == 100; });
  require_all(clients, 200, "hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
  REQUIRE(cluster.metric(Metric::fills_started) == 1);
  REQUIRE(cluster.metric(Metric::fills_collapsed) == 99);
}

TEST_CASE("several workers follow one fill", "[node][collapsing][workers]") {
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    INFO("seed " << seed);
    Cluster cluster(Setup().workers(3).seed(seed));
    const std::string all = pattern(400'000);
    cluster.origin().on("/a").reply(200).max_age(60).rate(200'000).body(all);
    const Clients clients = ask_many(cluster, 30, "/a");
    cluster.run_until([&] { return answered(clients) == 30; });
    require_all(clients, 200, all);
    REQUIRE(cluster.origin().count("GET", "/a") == 1);
    cluster.get("eu-1", "/a").expect(200).hit().body(all);
  }
}

TEST_CASE("who comes while the body arrives follows from its first byte", "[node][collapsing]") {
  Cluster cluster;
  const std::string all = pattern(100'000);
  cluster.origin().on("/a").reply(200).max_age(60).rate(50'000).body(all);
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return first.partial().body.size() > 30'000; });
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return first.answers() == 1 && second.answers() == 1; });
  require_all({&first, &second}, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("four languages of a cold URL are at most four GETs, and nobody reads another's",
          "[node][collapsing][vary]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).field("vary", "Accept-Language").delay(1s).echo_language();
  const std::vector<std::string> languages = {"en", "de", "fr", "pl"};
  Clients clients;
  for (size_t i = 0; i < 100; ++i) {
    clients.push_back(&cluster.ask("eu-1", "/a", {{"accept-language", languages[i % 4]}}));
  }
  cluster.run_until([&] { return answered(clients) == 100; });
  for (size_t i = 0; i < 100; ++i) {
    Reply reply(clients[i]->answer(0));
    reply.expect(200);
    REQUIRE(reply.answer().body.starts_with(languages[i % 4] + "#"));
  }
  REQUIRE(cluster.origin().count("GET", "/a") <= 4);
}

TEST_CASE("a private answer goes to the one who asked for it", "[node][collapsing][private]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).field("cache-control", "private").delay(1s).echo_language();
  const Clients clients = ask_many(cluster, 20, "/a");
  cluster.run_until([&] { return answered(clients) == 20; });
  std::set<std::string> bodies;
  for (const TestConnection* client : clients) bodies.insert(client->answer(0).body);
  REQUIRE(bodies.size() == 20);
  REQUIRE(cluster.origin().count("GET", "/a") == 20);
}

TEST_CASE("answers to Authorization are not shared with those who waited", "[node][collapsing][private]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).delay(1s).echo_language();
  Clients clients;
  for (int i = 0; i < 10; ++i)
    clients.push_back(&cluster.ask("eu-1", "/a", {{"authorization", "Basic " + std::to_string(i)}}));
  cluster.run_until([&] { return answered(clients) == 10; });
  std::set<std::string> bodies;
  for (const TestConnection* client : clients) bodies.insert(client->answer(0).body);
  REQUIRE(bodies.size() == 10);
}

TEST_CASE("the first asker leaves half-way and the others lose nothing", "[node][collapsing]") {
  Cluster cluster;
  const std::string all = pattern(3'000'000);
  cluster.origin().on("/a").reply(200).max_age(60).rate(1'000'000).body(all);
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.run();
  const Clients others = ask_many(cluster, 5, "/a");
  cluster.run_until([&] { return others[0]->partial().body.size() > 1'000'000; });
  first.close();
  cluster.run_until([&] { return answered(others) == 5; });
  require_all(others, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("the first asker leaves before the head and the others lose nothing", "[node][collapsing]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).delay(2s).body("hello");
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.run();
  const Clients others = ask_many(cluster, 5, "/a");
  cluster.advance(1s);
  first.close();
  cluster.run_until([&] { return answered(others) == 5; });
  require_all(others, 200, "hello");
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a fetch that everybody left is ended when most of it is missing", "[node][collapsing]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(60).rate(1'000'000).body(pattern(10'000'000));
  TestConnection& only = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return only.partial().body.size() > 100'000; });
  only.close();
  cluster.advance(60s);
  REQUIRE(cluster.metric(Metric::upstream_bytes_origin) < 1'000'000);
}

TEST_CASE("a fetch that everybody left is completed when little of it is missing", "[node][collapsing]") {
  Cluster cluster;
  const std::string all = pattern(500'000);
  cluster.origin().on("/a").reply(200).max_age(60).rate(1'000'000).body(all);
  TestConnection& only = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return only.partial().body.size() > 100'000; });
  only.close();
  cluster.advance(2s);
  cluster.get("eu-1", "/a").expect(200).hit().body(all);
}

TEST_CASE("a slow client slows nobody", "[node][collapsing]") {
  Cluster cluster;
  const std::string all = pattern(3'000'000);
  cluster.origin().on("/a").reply(200).max_age(60).rate(3'000'000).body(all);
  TestConnection& slow = cluster.ask("eu-1", "/a");
  cluster.run();
  slow.pause();
  const Clients others = ask_many(cluster, 3, "/a");
  cluster.advance(1500ms);
  require_all(others, 200, all);
  REQUIRE(slow.answers() == 0);
  slow.resume();
  cluster.run_until([&] { return slow.answers() == 1; });
  require_all({&slow}, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
}

TEST_CASE("a body that is cut short is complete for nobody and is not stored", "[node][collapsing][cut]") {
  for (const bool chunked : {false, true}) {
    INFO((chunked ? "chunked" : "length"));
    Cluster cluster;
    const std::string all = pattern(200'000);
    Script& script =
        cluster.origin().on("/a").reply(200).max_age(60).rate(100'000).cut_after(100'000).body(all);
    if (chunked) script.chunked();
    const Clients clients = ask_many(cluster, 10, "/a");
    cluster.run_until([&] {
      for (const TestConnection* client : clients) {
        if (!client->ended() && client->answers() == 0) return false;
      }
      return true;
    });
    for (const TestConnection* client : clients) {
      REQUIRE(client->answers() == 1);
      REQUIRE(!client->answer(0).complete);
      REQUIRE(all.starts_with(client->answer(0).body));
    }
    REQUIRE(cluster.metric(Metric::responses_cut) == 10);
    cluster.origin().on("/a").reply(200).max_age(60).body("whole");
    cluster.get("eu-1", "/a").expect(200).miss().body("whole");
  }
}

TEST_CASE("who came too late for what must be validated shares one validation more", "[node][collapsing]") {
  Cluster cluster;
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "max-age=0, must-revalidate")
      .etag("\"1\"")
      .delay(1s);
  for (const size_t gets : {2, 4}) {
    Clients clients = ask_many(cluster, 1, "/a");
    cluster.advance(100ms);
    for (TestConnection* client : ask_many(cluster, 20, "/a")) clients.push_back(client);
    cluster.run_until([&] { return answered(clients) == 21; });
    require_all(clients, 200, "");
    REQUIRE(cluster.origin().count("GET", "/a") == gets);
  }
  // The second ones were asked about what the first had made of it.
  REQUIRE(cluster.origin().last().header("if-none-match") == "\"1\"");
}

TEST_CASE("who came too late shares one fetch more, also while the first one's content still comes",
          "[node][collapsing]") {
  Cluster cluster;
  const std::string all = pattern(20'000);
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "max-age=0, must-revalidate")
      .etag("\"1\"")
      .delay(1s)
      .rate(10'000)
      .body(all);
  Clients clients = ask_many(cluster, 1, "/a");
  cluster.advance(100ms);
  for (TestConnection* client : ask_many(cluster, 20, "/a")) clients.push_back(client);
  cluster.run_until([&] { return answered(clients) == 21; });
  require_all(clients, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("who waited for a validation that was overtaken by a PUT shares one fetch more",
          "[node][collapsing][invalidation]") {
  Cluster cluster;
  cluster.origin().on("/a").reply(200).max_age(10).etag("\"1\"").body("first");
  cluster.get("eu-1", "/a").expect(200).body("first");
  cluster.advance(11s);
  cluster.origin().on("/a").reply(200).max_age(10).etag("\"1\"").delay(1s).body("first");
  TestConnection& writer = cluster.connect("eu-1");
  writer.request("PUT", "/a", default_host);
  cluster.advance(500ms);
  const Clients clients = ask_many(cluster, 20, "/a");
  cluster.run_until([&] { return answered(clients) == 20; });
  require_all(clients, 200, "first");
  REQUIRE(writer.answers() == 1);
  REQUIRE(cluster.origin().count("GET", "/a") <= 3);
}

TEST_CASE("an origin that cuts behind a strong validator is asked for the rest", "[node][collapsing][cut]") {
  Cluster cluster;
  const std::string all = pattern(200'000);
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").rate(100'000).cut_after(100'000).body(all);
  const Clients clients = ask_many(cluster, 10, "/a");
  cluster.run_until([&] { return clients[0]->partial().body.size() > 50'000; });
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").body(all);
  cluster.run_until([&] { return answered(clients) == 10; });
  require_all(clients, 200, all);
  REQUIRE(cluster.origin().last().header("range").starts_with("bytes="));
  REQUIRE(cluster.origin().last().header("if-range") == "\"1\"");
  cluster.get("eu-1", "/a").expect(200).hit().body(all);
}

TEST_CASE("a representation that changed in the middle is cut, never mixed", "[node][collapsing][cut]") {
  Cluster cluster;
  const std::string all = pattern(200'000);
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").rate(100'000).cut_after(100'000).body(all);
  const Clients clients = ask_many(cluster, 3, "/a");
  cluster.run_until([&] { return clients[0]->partial().body.size() > 50'000; });
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"2\"").body(pattern(200'000, 'A'));
  cluster.run_until([&] { return answered(clients) == 3; });
  for (const TestConnection* client : clients) {
    REQUIRE(!client->answer(0).complete);
    REQUIRE(all.starts_with(client->answer(0).body));
  }
}

// --- bodies that the store will not hold: a budget of 16 MiB keeps at most 2 MiB of one

Setup small_store() { return Setup().tables("[cache]\nbudget = \"16MiB\"\nwindow = \"256KiB\"\n"); }

TEST_CASE("a body too large for the store streams through a window", "[node][collapsing][window]") {
  Cluster cluster(small_store());
  const std::string all = pattern(4'000'000);
  // As fast as everybody reads.
  cluster.origin().on("/a").reply(200).max_age(60).rate(2'000'000).body(all);
  const Clients clients = ask_many(cluster, 3, "/a");
  cluster.run_until([&] { return answered(clients) == 3; });
  require_all(clients, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 1);
  REQUIRE(!cluster.get("eu-1", "/a").expect(200).body(all).answer().hit());
}

TEST_CASE("an origin that is faster than the one reader of a window waits for it",
          "[node][collapsing][window]") {
  Cluster cluster(small_store());
  const std::string all = pattern(4'000'000);
  cluster.origin().on("/a").reply(200).max_age(60).body(all);
  cluster.get("eu-1", "/a").expect(200).body(all);
  TestConnection& client = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return client.partial().body.size() > 10'000; });
  client.pause();
  cluster.advance(5s);
  REQUIRE(cluster.metric(Metric::upstream_bytes_origin) < all.size() + 2'000'000);
  client.resume();
  cluster.run_until([&] { return client.answers() == 1; });
  require_all({&client}, 200, all);
}

TEST_CASE("a follower that falls out of the window continues with Range and If-Range",
          "[node][collapsing][window]") {
  Cluster cluster(small_store());
  const std::string all = pattern(4'000'000);
  cluster.origin().on("/a").reply(200).max_age(60).etag("\"1\"").rate(2'000'000).body(all);
  TestConnection& slow = cluster.ask("eu-1", "/a");
  TestConnection& fast = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return slow.partial().body.size() > 10'000; });
  slow.pause();
  cluster.run_until([&] { return fast.answers() == 1; });
  slow.resume();
  cluster.run_until([&] { return slow.answers() == 1; });
  require_all({&slow, &fast}, 200, all);
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  REQUIRE(cluster.origin().last().header("if-range") == "\"1\"");
}

TEST_CASE("a follower that falls out of the window is cut visibly when nothing proves the rest",
          "[node][collapsing][window]") {
  Cluster cluster(small_store());
  const std::string all = pattern(4'000'000);
  cluster.origin().on("/a").reply(200).max_age(60).etag("W/\"1\"").rate(2'000'000).body(all);
  TestConnection& slow = cluster.ask("eu-1", "/a");
  TestConnection& fast = cluster.ask("eu-1", "/a");
  cluster.run_until([&] { return slow.partial().body.size() > 10'000; });
  slow.pause();
  cluster.run_until([&] { return fast.answers() == 1; });
  slow.resume();
  cluster.run_until([&] { return slow.answers() == 1; });
  require_all({&fast}, 200, all);
  REQUIRE(!slow.answer(0).complete);
  REQUIRE(all.starts_with(slow.answer(0).body));
  REQUIRE(cluster.metric(Metric::responses_cut) == 1);
}

TEST_CASE("a follower does not wait for ever", "[node][collapsing]") {
  Cluster cluster(Setup()
                      .tables("[cache]\nfollower_wait_max = \"2s\"\n")
                      .origin("servers = [\"10.9.0.1:80\"]\nfirst_byte_timeout = \"20s\"\n"));
  cluster.origin().on("/a").reply(200).max_age(60).delay(10s).body("slow");
  TestConnection& first = cluster.ask("eu-1", "/a");
  cluster.run();
  TestConnection& second = cluster.ask("eu-1", "/a");
  cluster.run();
  cluster.origin().on("/a").reply(200).max_age(60).body("quick");
  cluster.advance(3s);
  require_all({&second}, 200, "quick");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.run_until([&] { return first.answers() == 1; });
  require_all({&first}, 200, "slow");
}

TEST_CASE("a late head is asked for once more, by one for all who have waited", "[node][collapsing]") {
  const bool late_again = GENERATE(false, true);
  Cluster cluster(Setup()
                      .tables("[cache]\nfollower_wait_max = \"2s\"\n")
                      .origin("servers = [\"10.9.0.1:80\"]\nfirst_byte_timeout = \"20s\"\n"));
  cluster.origin().on("/a").reply(200).max_age(60).delay(10s).body("slow");
  const Clients first = ask_many(cluster, 1, "/a");
  cluster.run();
  Clients others = ask_many(cluster, 10, "/a");
  cluster.advance(500ms);
  for (TestConnection* client : ask_many(cluster, 10, "/a")) others.push_back(client);
  cluster.run();
  cluster.origin().on("/a").reply(200).max_age(60).delay(late_again ? 7s : 1s).body("second");
  cluster.advance(2600ms);
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.run_until([&] { return answered(others) == 20; });
  require_all(others, 200, "second");
  cluster.run_until([&] { return answered(first) == 1; });
  require_all(first, 200, "slow");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("a late head of a range is asked for once more, by one", "[node][collapsing][range]") {
  Cluster cluster(Setup()
                      .tables("[cache]\nfollower_wait_max = \"2s\"\n")
                      .origin("servers = [\"10.9.0.1:80\"]\nfirst_byte_timeout = \"20s\"\n"));
  cluster.origin().on("/a").reply(200).max_age(60).delay(10s).body("slow");
  TestConnection& first = cluster.ask("eu-1", "/a", {{"range", "bytes=0-3"}});
  cluster.run();
  Clients others;
  for (int i = 0; i < 10; ++i) others.push_back(&cluster.ask("eu-1", "/a", {{"range", "bytes=0-3"}}));
  cluster.run();
  cluster.origin().on("/a").reply(200).max_age(60).body("quick");
  cluster.run_until([&] { return answered(others) == 10; });
  require_all(others, 206, "quic");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  cluster.run_until([&] { return first.answers() == 1; });
  require_all({&first}, 206, "slow");
}

TEST_CASE("who waits for one fetch after another is answered by its own deadline",
          "[node][collapsing][deadline]") {
  Cluster cluster(Setup().origin("servers = [\"10.9.0.1:80\"]\nfirst_byte_timeout = \"60s\"\n"));
  // Those who come later may not share the first answer and share one fetch more, which has 30 s of its own.
  cluster.origin()
      .on("/a")
      .reply(200)
      .field("cache-control", "max-age=0, must-revalidate")
      .etag("\"1\"")
      .delay(15s)
      .body("a");
  const Clients first = ask_many(cluster, 1, "/a");
  cluster.advance(100ms);
  const Clients others = ask_many(cluster, 5, "/a");
  cluster.run();
  cluster.origin().on("/a").reply(200).max_age(60).delay(25s).body("b");
  cluster.advance(20s);
  require_all(first, 200, "a");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
  const Clients latest = ask_many(cluster, 5, "/a");
  cluster.advance(9'500ms);
  REQUIRE(answered(others) == 0);
  cluster.advance(1s);
  REQUIRE(answered(others) == 5);
  for (const TestConnection* client : others) Reply(client->answer(0)).expect(504);
  // Their fetch goes on for those who have time.
  cluster.run_until([&] { return answered(latest) == 5; });
  require_all(latest, 200, "b");
  REQUIRE(cluster.origin().count("GET", "/a") == 2);
}

TEST_CASE("who waits for its variant after another one is answered by its own deadline",
          "[node][collapsing][vary][deadline]") {
  Cluster cluster(Setup().origin("servers = [\"10.9.0.1:80\"]\nfirst_byte_timeout = \"60s\"\n"));
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .field("vary", "Accept-Language")
      .delay(15s)
      .echo_language();
  TestConnection& english = cluster.ask("eu-1", "/a", {{"accept-language", "en"}});
  cluster.run();
  TestConnection& german = cluster.ask("eu-1", "/a", {{"accept-language", "de"}});
  cluster.run();
  cluster.origin()
      .on("/a")
      .reply(200)
      .max_age(60)
      .field("vary", "Accept-Language")
      .delay(50s)
      .echo_language();
  cluster.advance(29'500ms);
  REQUIRE(english.answers() == 1);
  REQUIRE(german.answers() == 0);
  cluster.advance(1s);
  REQUIRE(german.answers() == 1);
  Reply(german.answer(0)).expect(504);
}

TEST_CASE("a failed fetch is an error for all who waited, and the next one tries again",
          "[node][collapsing]") {
  Cluster cluster;
  cluster.world().set_refuse("eu-1", "origin", true);
  const Clients clients = ask_many(cluster, 10, "/a");
  cluster.run_until([&] { return answered(clients) == 10; });
  for (const TestConnection* client : clients) Reply(client->answer(0)).expect(502);
  cluster.world().set_refuse("eu-1", "origin", false);
  cluster.origin().on("/a").reply(200).max_age(60).body("hello");
  cluster.get("eu-1", "/a").expect(200).body("hello");
}

}  // namespace
}  // namespace perigee::test

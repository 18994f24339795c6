// Every value of Cache-Status, over random requests, answers and times from fixed seeds, against what a
// recording origin saw (RFC 9211).
#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>

#include "edge/base/random.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t paths = 5;
constexpr int steps = 1500;

// What a path is answered with now; `version` is in body and tag.
struct Resource {
  int status = 200;
  int lifetime = 0;
  std::string control;
  std::string tag;
  std::string body;
};

// One member of Cache-Status: parameters by name, a flag with the value "".
struct Told {
  std::string cache;
  std::map<std::string, std::string> parameters;

  explicit Told(const std::string& member) {
    size_t at = member.find("; ");
    cache = member.substr(0, at);
    while (at != std::string::npos) {
      const size_t end = member.find("; ", at + 2);
      const std::string parameter = member.substr(at + 2, end == std::string::npos ? end : end - at - 2);
      const size_t equals = parameter.find('=');
      const bool flag = equals == std::string::npos;
      REQUIRE(
          parameters.emplace(parameter.substr(0, equals), flag ? "" : parameter.substr(equals + 1)).second);
      at = end;
    }
  }
  bool has(const std::string& name) const { return parameters.contains(name); }
  std::string value(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? "" : found->second;
  }
};

enum class Known : uint8_t { not_stored, stored, unsure };

class World {
 public:
  explicit World(uint64_t seed) : random_(seed), cluster_(Setup().seed(seed)), resources_(paths) {
    for (size_t i = 0; i < paths; ++i) change(i);
  }

  void step() {
    const uint64_t dice = random_.below(100);
    const size_t path = random_.below(paths);
    if (dice < 15) return cluster_.advance(std::chrono::seconds(random_.below(30)));
    if (dice < 25) return change(path);
    if (dice < 32) return post(path);
    get(path);
  }

  int hits = 0;
  int validations = 0;
  std::set<std::string> reasons;

 private:
  static std::string name(size_t path) { return "/" + std::to_string(path); }

  void change(size_t path) {
    static constexpr std::string_view rest[] = {
        "",          ", must-revalidate", ", no-cache", ", stale-while-revalidate=20", ", stale-if-error=50",
        ", no-store"};
    Resource& resource = resources_[path];
    resource.status = random_.chance(0.15) ? 503 : random_.chance(0.1) ? 404 : 200;
    resource.lifetime = random_.chance(0.2) ? 0 : 5 + static_cast<int>(random_.below(40));
    resource.control = fmt::format("max-age={}{}", resource.lifetime, rest[random_.below(std::size(rest))]);
    resource.tag = random_.chance(0.6) ? fmt::format("\"{}\"", ++version_) : "";
    resource.body = fmt::format("body {}", ++version_);
    Script& script = cluster_.origin().on(name(path)).reply(resource.status).body(resource.body);
    script.field("cache-control", resource.control).field("x-lifetime", std::to_string(resource.lifetime));
    if (!resource.tag.empty()) script.etag(resource.tag);
  }

  // Sends a request, lets everything come to rest, and gives the answer with how many requests the origin
  // saw.
  Reply ask(std::string_view method, size_t path, const Headers& headers, size_t& seen) {
    const size_t before = cluster_.origin().requests().size();
    Reply reply = cluster_.request("eu-1", method, name(path), headers,
                                   method == "POST" ? std::optional<std::string_view>("x") : std::nullopt);
    cluster_.run();
    seen = cluster_.origin().requests().size() - before;
    return reply;
  }

  void post(size_t path) {
    size_t seen = 0;
    const Reply reply = ask("POST", path, {}, seen);
    const Told told(reply.answer().header("cache-status"));
    REQUIRE(told.value("fwd") == "method");
    REQUIRE(told.value("fwd-status") == std::to_string(resources_[path].status));
    REQUIRE(!told.has("hit"));
    REQUIRE(!told.has("stored"));
    REQUIRE(seen == 1);
    if (resources_[path].status == 200) known_[path] = Known::not_stored;
  }

  Headers random_headers() {
    switch (random_.below(10)) {
      case 0:
        return {{"cache-control", "no-cache"}};
      case 1:
        return {{"cache-control", "max-age=" + std::to_string(random_.below(20))}};
      case 2:
        return {{"cache-control", "only-if-cached"}};
      case 3:
        return {{"cache-control", "max-stale=" + std::to_string(random_.below(20))}};
      case 4:
        return {{"cache-control", "min-fresh=" + std::to_string(random_.below(20))}};
      default:
        return {};
    }
  }

  void get(size_t path) {
    const Headers headers = random_headers();
    size_t seen = 0;
    const Reply reply = ask("GET", path, headers, seen);
    const Answer& answer = reply.answer();
    const std::string asked = headers.empty() ? "" : headers[0].second;
    INFO(name(path) << " [" << asked << "] " << resources_[path].status << " " << resources_[path].control
                    << " -> " << answer.status << " " << answer.header("cache-status"));
    REQUIRE(answer.complete);
    const Told told(answer.header("cache-status"));
    REQUIRE(told.cache == "eu-1");
    REQUIRE(!told.has("collapsed"));
    REQUIRE(!(told.has("hit") && told.has("fwd")));
    if (told.has("ttl")) check_ttl(told, answer);
    if (told.has("hit")) return check_hit(told, seen);
    if (!told.has("fwd")) {
      REQUIRE(asked == "only-if-cached");
      REQUIRE(answer.status == 504);
      REQUIRE(told.value("detail") == "only-if-cached");
      REQUIRE(seen == 0);
      return;
    }
    REQUIRE(seen == 1);
    reasons.insert(told.value("fwd"));
    check_forwarded(told, path, answer, asked);
  }

  // A hit asked nobody, but for the validation behind a stale one.
  void check_hit(const Told& told, size_t seen) {
    ++hits;
    REQUIRE(!told.has("stored"));
    REQUIRE(!told.has("fwd-status"));
    REQUIRE(told.has("ttl"));
    if (std::stoi(told.value("ttl")) > 0) REQUIRE(seen == 0);
    REQUIRE(seen <= 1);
  }

  static void check_ttl(const Told& told, const Answer& answer) {
    REQUIRE(std::stoi(told.value("ttl")) ==
            std::stoi(answer.header("x-lifetime")) - std::stoi(answer.header("age")));
  }

  void check_forwarded(const Told& told, size_t path, const Answer& answer, const std::string& asked) {
    const Resource& resource = resources_[path];
    const ReceivedRequest& received = cluster_.origin().last();
    REQUIRE(received.method == "GET");
    REQUIRE(received.target == name(path));
    const std::string reason = told.value("fwd");
    const std::string condition = received.header("if-none-match");
    if (told.value("detail") == "stale-if-error") {
      REQUIRE(resource.status == 503);
      REQUIRE((reason == "stale" || reason == "request"));
      REQUIRE(!told.has("stored"));
      return;
    }
    const bool confirmed = !resource.tag.empty() && condition == resource.tag;
    REQUIRE(told.value("fwd-status") == std::to_string(confirmed ? 304 : resource.status));
    validations += confirmed;
    REQUIRE(answer.body == resource.body);
    REQUIRE(answer.status == resource.status);
    // The reason is what was known before; the origin's record and ours agree with it.
    if (reason == "uri-miss") REQUIRE(condition.empty());
    if (reason == "uri-miss" || reason == "miss") REQUIRE(known_[path] != Known::stored);
    if (reason == "stale" || reason == "request") REQUIRE(known_[path] != Known::not_stored);
    if (reason == "request") REQUIRE(!asked.empty());
    REQUIRE((reason == "uri-miss" || reason == "stale" || reason == "request" || reason == "miss"));
    if (told.has("stored")) {
      known_[path] = Known::stored;
      check_is_stored(path);
    } else if (!confirmed) {
      // Not kept: a marker may have taken the place of what was stored.
      known_[path] = Known::unsure;
    }
  }

  // What was said to be stored is found, unless it must be asked about before every use.
  void check_is_stored(size_t path) {
    const Resource& resource = resources_[path];
    if (resource.lifetime == 0 || resource.control.find("no-cache") != std::string::npos) return;
    size_t seen = 0;
    const Reply reply = ask("GET", path, {{"cache-control", "only-if-cached"}}, seen);
    reply.expect(resource.status).hit().body(resource.body);
    REQUIRE(seen == 0);
  }

  Random random_;
  Cluster cluster_;
  std::vector<Resource> resources_;
  std::map<size_t, Known> known_;
  int version_ = 0;
};

TEST_CASE("Cache-Status says what the origin saw", "[node][property][cache-status]") {
  int hits = 0;
  int validations = 0;
  std::set<std::string> reasons;
  for (const uint64_t seed : {9211u, 1u, 2u}) {
    INFO("seed " << seed);
    World world(seed);
    for (int i = 0; i < steps; ++i) world.step();
    hits += world.hits;
    validations += world.validations;
    reasons.merge(world.reasons);
  }
  CHECK(hits > 500);
  CHECK(validations > 50);
  CHECK(reasons == std::set<std::string>{"miss", "request", "stale", "uri-miss"});
}

}  // namespace
}  // namespace perigee::test

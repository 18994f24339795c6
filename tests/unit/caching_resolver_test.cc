#include "edge/net/caching_resolver.h"

#include <catch2/catch_test_macros.hpp>
#include <optional>

#include "edge/net/memory_io.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

struct Asker final : ResolveHandler {
  void on_resolved(Result<Resolved> result) override {
    answer = std::move(result);
    if (then) then();
  }
  bool is_good() const { return answer && answer->has_value(); }
  std::string first() const { return (*answer)->addresses.at(0).to_string(); }
  std::optional<Result<Resolved>> answer;
  std::function<void()> then;
};

struct Names {
  Names() { io->start(); }
  // The answer to one question, given time for a slow name server.
  Asker ask(std::string_view host, Duration patience = 0s) {
    Asker asker;
    auto request = resolver.resolve(host, 80, asker);
    CHECK_FALSE(asker.answer);
    world.advance(patience);
    return asker;
  }
  uint64_t queries() const { return resolver.counters().queries; }

  MemoryWorld world;
  std::unique_ptr<MemoryIo> io = world.make_io("here");
  Loop& loop = io->add_loop("one");
  CachingResolverOptions options;
  CachingResolver resolver{loop, options};
};

}  // namespace

TEST_CASE("an answer is kept for its TTL", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"}, 20s);
  CHECK(names.ask("a.test").first() == "10.9.0.1:80");
  names.world.advance(19s);
  auto again = names.ask("A.Test");
  CHECK(again.first() == "10.9.0.1:80");
  CHECK((*again.answer)->ttl == 1s);
  CHECK(names.queries() == 1);
  CHECK(names.resolver.counters().hits == 1);
}

TEST_CASE("the port is the asker's and not part of what is kept", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"});
  names.ask("a.test");
  Asker other;
  auto request = names.resolver.resolve("a.test", 443, other);
  names.world.run_until_idle();
  CHECK(other.first() == "10.9.0.1:443");
  CHECK(names.queries() == 1);
}

TEST_CASE("TTLs are held within one second and five minutes", "[net][dns][cache]") {
  Names names;
  names.world.add_host("short.test", {"10.9.0.1"}, 0s);
  names.world.add_host("long.test", {"10.9.0.2"}, 24h);
  names.ask("short.test");
  names.ask("long.test");
  names.ask("short.test");
  CHECK(names.queries() == 2);
  names.world.advance(5min);
  names.ask("long.test");
  CHECK(names.queries() == 3);
}

TEST_CASE("a failure is kept for five seconds", "[net][dns][cache]") {
  Names names;
  CHECK(names.ask("no.test").answer->error().code == "dns_error");
  names.world.advance(4s);
  CHECK(names.ask("no.test").answer->error().code == "dns_error");
  CHECK(names.queries() == 1);
  names.world.add_host("no.test", {"10.9.0.1"});
  names.world.advance(1s);
  CHECK(names.ask("no.test").is_good());
  CHECK(names.queries() == 2);
}

TEST_CASE("those who ask while a question is under way share its answer", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"});
  names.world.set_resolve_delay(50ms);
  Asker askers[3];
  std::unique_ptr<ResolveRequest> requests[3];
  for (int i = 0; i < 3; ++i) requests[i] = names.resolver.resolve("a.test", 80, askers[i]);
  requests[1].reset();
  names.world.advance(50ms);
  CHECK(names.queries() == 1);
  CHECK(names.resolver.counters().shared == 2);
  CHECK(askers[0].is_good());
  CHECK_FALSE(askers[1].answer);
  CHECK(askers[2].is_good());
}

TEST_CASE("an expired answer is served while a new one is fetched", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"}, 10s);
  names.ask("a.test");
  names.world.add_host("a.test", {"10.9.0.2"}, 10s);
  names.world.set_resolve_delay(1s);
  names.world.advance(10s);
  auto stale = names.ask("a.test");
  CHECK(stale.first() == "10.9.0.1:80");
  CHECK((*stale.answer)->ttl == 0s);
  CHECK(names.resolver.counters().stale == 1);
  names.ask("a.test");
  CHECK(names.queries() == 2);
  names.world.advance(1s);
  CHECK(names.ask("a.test").first() == "10.9.0.2:80");
}

TEST_CASE("an expired answer outlives a failing name server by thirty seconds and no more",
          "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"}, 10s);
  names.ask("a.test");
  names.world.fail_host("a.test", "dns_timeout");
  names.world.advance(10s);
  CHECK(names.ask("a.test").is_good());
  CHECK(names.ask("a.test").is_good());
  CHECK(names.queries() == 2);
  names.world.advance(29s);
  CHECK(names.ask("a.test").is_good());
  CHECK(names.queries() == 3);
  names.world.advance(1s);
  CHECK(names.ask("a.test").answer->error().code == "dns_timeout");
}

TEST_CASE("at most so many names are kept, and the one unused longest goes", "[net][dns][cache]") {
  Names names;
  CachingResolverOptions small;
  small.entries_max = 2;
  CachingResolver resolver(names.loop, small);
  Asker asker;
  for (const char* host : {"a.test", "b.test", "a.test", "c.test", "a.test"}) {
    names.world.add_host(host, {"10.9.0.1"});
    auto request = resolver.resolve(host, 80, asker);
    names.world.run_until_idle();
  }
  CHECK(resolver.size() == 2);
  CHECK(resolver.counters().evictions == 1);
  CHECK(resolver.counters().queries == 3);
}

TEST_CASE("IP literals are neither asked for nor kept", "[net][dns][cache]") {
  Names names;
  CHECK(names.ask("192.0.2.7").first() == "192.0.2.7:80");
  CHECK(names.ask("2001:db8::7").first() == "[2001:db8::7]:80");
  CHECK(names.queries() == 0);
  CHECK(names.resolver.size() == 0);
}

TEST_CASE("a handler may ask again at once, and end the resolver", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"});
  auto resolver = std::make_unique<CachingResolver>(names.loop);
  Asker first, second;
  std::unique_ptr<ResolveRequest> one, two;
  first.then = [&] { two = resolver->resolve("a.test", 80, second); };
  second.then = [&] { resolver.reset(); };
  one = resolver->resolve("a.test", 80, first);
  names.world.run_until_idle();
  CHECK(second.is_good());
  CHECK(resolver == nullptr);
}

TEST_CASE("a resolver that goes leaves its askers without an answer", "[net][dns][cache]") {
  Names names;
  names.world.add_host("a.test", {"10.9.0.1"});
  names.world.set_resolve_delay(1s);
  auto resolver = std::make_unique<CachingResolver>(names.loop);
  Asker asker;
  auto request = resolver->resolve("a.test", 80, asker);
  resolver.reset();
  names.world.advance(2s);
  CHECK_FALSE(asker.answer);
}

#include "edge/cache/fill.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "tests/unit/fill_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;
using State = Fill::State;
using ReadState = Body::ReadState;

TEST_CASE("the first asker of a key leads, the others follow the same fill", "[cache][fill]") {
  Rig rig;
  TestFollower leader, second, elsewhere, another;
  CHECK(rig.join(leader, rig.home));
  CHECK_FALSE(rig.join(second, rig.home));
  CHECK_FALSE(rig.join(elsewhere, rig.other));
  CHECK(rig.join(another, rig.home, "another"));
  CHECK(second.fill == leader.fill);
  CHECK(elsewhere.fill == leader.fill);
  CHECK(another.fill != leader.fill);
  CHECK(rig.table.in_flight() == 2);
  CHECK(leader.fill->followers() == 3);
  CHECK(leader.fill->state() == State::requested);
  CHECK(leader.fill->head() == nullptr);
  CHECK(leader.fill->read(0).state == ReadState::wait);
  CHECK(leader.fill->key() == "k");
}

TEST_CASE("every follower gets every byte, whenever it joined and wherever it runs", "[cache][fill]") {
  for (const bool announced : {true, false}) {
    Rig rig;
    constexpr uint64_t length = 300'000;
    std::vector<std::unique_ptr<TestFollower>> followers;
    auto join = [&] {
      followers.push_back(std::make_unique<TestFollower>());
      rig.join(*followers.back(), followers.size() % 2 == 0 ? rig.home : rig.other);
    };
    join();
    const std::shared_ptr<Fill> fill = followers[0]->fill;
    join();
    fill->head_arrived(head_of(announced ? std::optional(length) : std::nullopt));
    join();
    for (uint64_t at = 0; at < length; at += 20'000) {
      fill->append(pattern(1, at, 20'000));
      join();
      if (at % 3 == 0) rig.turn();
    }
    rig.turn();
    fill->finish();
    rig.turn();
    CHECK(fill->state() == State::complete);
    for (auto& follower : followers) {
      CHECK(follower->last == ReadState::end);
      CHECK(follower->bytes.size() == length);
      CHECK(matches_pattern(follower->bytes, 1));
    }
    CHECK(rig.table.in_flight() == 0);
    CHECK(look(rig.store.add_reader(), "k") == pattern(1, 0, length));
  }
}

TEST_CASE("who joins a streaming fill is told of it from the loop, not within join", "[cache][fill]") {
  Rig rig;
  TestFollower leader, late;
  rig.join(leader, rig.home);
  rig.turn();
  CHECK(leader.calls == 0);
  leader.fill->head_arrived(head_of(10));
  rig.turn();
  CHECK(leader.calls == 1);
  rig.join(late, rig.other);
  CHECK(late.calls == 0);
  rig.turn();
  CHECK(late.calls == 1);
}

TEST_CASE("changes fold into one wake per worker and one call per follower", "[cache][fill]") {
  Rig rig;
  TestFollower one, two, three;
  rig.join(one, rig.home);
  rig.join(two, rig.other);
  rig.join(three, rig.other);
  one.fill->head_arrived(head_of(100));
  for (int i = 0; i < 10; ++i) one.fill->append("0123456789");
  one.fill->finish();
  CHECK(rig.other.wakes() == 1);
  rig.turn();
  CHECK(two.calls == 1);
  CHECK(three.calls == 1);
  CHECK(two.last == ReadState::end);
}

TEST_CASE("followers may leave, go, or join elsewhere while they are told", "[cache][fill]") {
  Rig rig;
  TestFollower first, moves, last;
  auto goes = std::make_unique<TestFollower>();
  rig.join(first, rig.home);
  rig.join(*goes, rig.home);
  rig.join(moves, rig.home);
  rig.join(last, rig.home);
  const std::shared_ptr<Fill> fill = first.fill;
  first.on_call = [&] { goes = nullptr; };
  moves.on_call = [&] {
    moves.leave();
    rig.join(moves, rig.home, "elsewhere");
  };
  fill->head_arrived(head_of(3));
  fill->append("abc");
  rig.turn();
  CHECK(fill->followers() == 2);
  CHECK(moves.fill->key() == "elsewhere");
  CHECK(last.bytes == "abc");
  // Back in the same fill within the call: told again later, and the round ends.
  moves.leave();
  rig.join(moves, rig.home);
  moves.calls = 0;
  moves.on_call = [&] {
    if (moves.calls > 3) return;
    moves.leave();
    rig.join(moves, rig.home);
  };
  rig.turn();
  CHECK(moves.calls == 4);
  CHECK(last.bytes == "abc");
}

TEST_CASE("the first asker may leave half-way: the fill goes on for the others", "[cache][fill]") {
  Rig rig(128 * mib);
  TestSource source;
  TestFollower leader, second;
  rig.join(leader, rig.home);
  rig.join(second, rig.other);
  const std::shared_ptr<Fill> fill = leader.fill;
  fill->set_source(&source);
  fill->head_arrived(head_of(10 * mib));
  fill->append(pattern(1, 0, 100'000));
  rig.turn();
  leader.leave();
  rig.turn();
  CHECK(source.cancels == 0);
  for (uint64_t at = 100'000; at < 10 * mib; at += 100'000) {
    fill->append(pattern(1, at, std::min<size_t>(100'000, 10 * mib - at)));
  }
  rig.turn();
  CHECK(source.cancels == 0);
  TestFollower third;
  CHECK_FALSE(rig.join(third, rig.home));
  third.leave();
  second.leave();
  rig.turn();
}

TEST_CASE("without followers a fill is cancelled unless little or half is missing", "[cache][fill]") {
  struct Case {
    const char* name;
    std::optional<uint64_t> length;
    uint64_t arrived;
    bool goes_on;
  };
  for (const Case& c :
       {Case{"1 MiB missing", 8 * mib, 7 * mib, true}, Case{"half missing", 6 * mib, 3 * mib, true},
        Case{"more than half missing", 6 * mib, 2 * mib, false}, Case{"small", 1 * mib, 0, true},
        Case{"unknown length", std::nullopt, 100, false}}) {
    INFO(c.name);
    Rig rig;
    TestSource source;
    TestFollower leader;
    rig.join(leader, rig.home);
    const std::shared_ptr<Fill> fill = leader.fill;
    fill->set_source(&source);
    fill->head_arrived(head_of(c.length));
    fill->append(pattern(1, 0, c.arrived));
    leader.leave();
    CHECK(source.cancels == 0);
    rig.turn();
    CHECK(source.cancels == (c.goes_on ? 0 : 1));
    CHECK(fill->state() == (c.goes_on ? State::streaming : State::failed));
    CHECK(rig.table.in_flight() == (c.goes_on ? 1 : 0));
    if (!c.goes_on) {
      CHECK(fill->error()->code == "abandoned");
      fill->append("ignored");
      fill->finish();
      CHECK(fill->state() == State::failed);
      TestFollower next;
      CHECK(rig.join(next, rig.home));
    } else {
      fill->append(pattern(1, c.arrived, *c.length - c.arrived));
      fill->finish();
      CHECK(has(rig.store.add_reader(), "k"));
    }
  }
}

TEST_CASE("a fill without a head is cancelled when its followers have left, from any worker",
          "[cache][fill]") {
  Rig rig;
  TestSource source;
  TestFollower leader, second;
  rig.join(leader, rig.home);
  rig.join(second, rig.other);
  const std::shared_ptr<Fill> fill = leader.fill;
  fill->set_source(&source);
  leader.leave();
  second.leave();
  CHECK(rig.other.wakes() == 0);
  CHECK(source.cancels == 0);
  rig.home.turn();
  CHECK(source.cancels == 1);
}

TEST_CASE("who joins before the cancelling is done saves the fill", "[cache][fill]") {
  Rig rig;
  TestSource source;
  TestFollower leader, second;
  rig.join(leader, rig.home);
  leader.fill->set_source(&source);
  leader.leave();
  CHECK_FALSE(rig.join(second, rig.other));
  rig.turn();
  CHECK(source.cancels == 0);
  CHECK(second.fill->state() == State::requested);
}

TEST_CASE("a source that comes after the cancelling is cancelled", "[cache][fill]") {
  Rig rig;
  TestSource source;
  TestFollower leader;
  rig.join(leader, rig.home);
  const std::shared_ptr<Fill> fill = leader.fill;
  leader.leave();
  rig.turn();
  CHECK(fill->state() == State::failed);
  fill->set_source(&source);
  rig.turn();
  CHECK(source.cancels == 1);
}

TEST_CASE("a complete fill is in the store before it leaves the table", "[cache][fill]") {
  Rig rig;
  Reader& reader = rig.store.add_reader();
  TestFollower leader, next;
  rig.join(leader, rig.home);
  leader.fill->head_arrived(head_of(5));
  leader.fill->append("hello");
  CHECK_FALSE(has(reader, "k"));
  leader.fill->finish();
  CHECK(look(reader, "k") == "hello");
  CHECK(rig.join(next, rig.home));  // leads: the old fill has left
}

TEST_CASE("an answer cut short or too long is never stored and never complete", "[cache][fill]") {
  Rig rig;
  Reader& reader = rig.store.add_reader();
  TestFollower leader;
  rig.join(leader, rig.home);
  const std::shared_ptr<Fill> fill = leader.fill;
  fill->head_arrived(head_of(10));
  fill->append("12345");
  std::string code;
  SECTION("the source fails") {
    fill->failed({Side::upstream, "reset", ""});
    code = "reset";
  }
  SECTION("too short") {
    fill->finish();
    code = "body_too_short";
  }
  SECTION("too long") {
    fill->append("678901");
    code = "body_too_long";
  }
  rig.turn();
  CHECK(fill->state() == State::failed);
  CHECK(fill->error()->code == code);
  CHECK(leader.last == ReadState::failed);
  CHECK_FALSE(has(reader, "k"));
  CHECK(rig.table.in_flight() == 0);
}

TEST_CASE("a fill that fails before its head tells its followers", "[cache][fill]") {
  Rig rig;
  TestFollower leader, second;
  rig.join(leader, rig.home);
  rig.join(second, rig.other);
  SECTION("failed") {
    leader.fill->failed({Side::upstream, "connection_refused", ""});
    rig.turn();
    CHECK(second.fill->state() == State::failed);
    CHECK(second.last == ReadState::failed);
  }
  SECTION("freshened") {
    leader.fill->freshened("accept-language");
    rig.turn();
    CHECK(second.fill->state() == State::freshened);
    CHECK(second.fill->renewed() == "accept-language");
  }
  SECTION("freshened by nobody") {
    leader.fill->freshened(std::nullopt);
    rig.turn();
    CHECK(second.fill->state() == State::freshened);
    CHECK(second.fill->renewed() == std::nullopt);
  }
  CHECK(second.calls == 1);
  CHECK(rig.table.in_flight() == 0);
  TestFollower next;
  CHECK(rig.join(next, rig.home));
}

TEST_CASE("an uncacheable answer is the leader's alone, and the store remembers it", "[cache][fill]") {
  Rig rig;
  TestFollower leader, second, next;
  rig.join(leader, rig.home);
  rig.join(second, rig.other);
  second.on_call = [&] {
    CHECK(second.fill->state() == State::uncacheable);
    second.leave();
  };
  const std::shared_ptr<Fill> fill = leader.fill;
  FillHead head = head_of(5, false);
  head.hit_for_miss_seconds = 120;
  fill->head_arrived(std::move(head));
  Reader& reader = rig.store.add_reader();
  const Lookup marker = reader.lookup(key_of("k"), {});
  REQUIRE(marker.state == Lookup::State::hit);
  CHECK(marker.response->meta().is(ResponseMeta::hit_for_miss));
  CHECK(marker.response->meta().ttl(WallTime(std::chrono::milliseconds(65'000))) == 60);
  reader.turn_end();
  CHECK(rig.join(next, rig.home));  // it has left the table
  rig.turn();
  CHECK(second.fill == nullptr);
  fill->append("hello");
  fill->finish();
  rig.turn();
  CHECK(fill->state() == State::uncacheable);
  CHECK(leader.bytes == "hello");
  CHECK(leader.last == ReadState::end);
  CHECK(reader.lookup(key_of("k"), {}).response->meta().is(ResponseMeta::hit_for_miss));
  reader.turn_end();
}

TEST_CASE("an uncacheable fill that fails keeps its state and shows the failure to who reads on",
          "[cache][fill]") {
  Rig rig;
  TestFollower leader;
  rig.join(leader, rig.home);
  leader.fill->head_arrived(head_of(std::nullopt, false));
  leader.fill->append("hel");
  leader.fill->failed({Side::upstream, "reset", ""});
  rig.turn();
  CHECK(leader.fill->state() == State::uncacheable);
  CHECK(leader.fill->error()->code == "reset");
  CHECK(leader.last == ReadState::failed);
  CHECK_FALSE(has(rig.store.add_reader(), "k"));  // no lifetime given, so not remembered
}

TEST_CASE("a private fill cannot be joined and is stored only when asked", "[cache][fill]") {
  for (const bool keep : {false, true}) {
    Rig rig;
    TestFollower alone, other;
    alone.fill = rig.table.start_private(key_of("k"), rig.home.fills, alone, keep);
    CHECK(rig.join(other, rig.home));
    alone.fill->head_arrived(head_of(5));
    alone.fill->append("hello");
    alone.fill->finish();
    rig.turn();
    CHECK(alone.bytes == "hello");
    CHECK(alone.fill->state() == State::complete);
    CHECK(has(rig.store.add_reader(), "k") == keep);
  }
}

TEST_CASE("a fill and all it held are gone with its last follower", "[cache][fill]") {
  Rig rig;
  const uint64_t before = rig.store.budget().used();
  {
    TestFollower leader;
    rig.join(leader, rig.home);
    leader.fill->head_arrived(head_of(std::nullopt, false));
    leader.fill->append(pattern(1, 0, 100'000));
    leader.fill->finish();
    CHECK(rig.store.budget().used() > before + 100'000);
  }
  rig.turn();
  CHECK(rig.store.budget().used() == before);
}

TEST_CASE("the time a fill started is what its leader said", "[cache][fill]") {
  Rig rig;
  TestFollower leader, second;
  const MonoTime now{std::chrono::seconds(7)};
  leader.fill = rig.table.join(key_of("k"), rig.home.fills, leader, now).fill;
  rig.join(second, rig.home);
  CHECK(second.fill->started() == now);
}

#include "edge/cluster/peer_envelope.h"

#include <catch2/catch_test_macros.hpp>

namespace perigee::cluster {
namespace {

constexpr std::string_view plain_request =
    "v=1;tier=region;hop=1;digest=0123456789abcdef;deadline_ms=9500;from=eu-1";

std::string with(std::string_view member) { return std::string(plain_request) + ';' + std::string(member); }

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(plain_request);
  return text.replace(text.find(from), from.size(), to);
}

PeerRequestEnvelope full_request() {
  PeerRequestEnvelope envelope;
  envelope.tier = Tier::shield;
  envelope.hop = 2;
  envelope.digest = "0123456789abcdef";
  envelope.deadline = std::chrono::milliseconds(9500);
  envelope.position = LogPosition{3, 1207};
  envelope.from = "eu-1";
  envelope.invalidation = 0x89abcdef01234567;
  envelope.only_if_cached = true;
  return envelope;
}

}  // namespace

TEST_CASE("a request envelope has one text form", "[cluster][envelope]") {
  CHECK(format(full_request()) ==
        "v=1;tier=shield;hop=2;digest=0123456789abcdef;deadline_ms=9500;pos=3.1207;from=eu-1;"
        "inv=89abcdef01234567;only_if_cached");
}

TEST_CASE("request envelopes survive the round trip", "[cluster][envelope]") {
  for (const Tier tier : {Tier::region, Tier::shield}) {
    for (const bool flag : {false, true}) {
      for (const auto& position :
           {std::optional<LogPosition>(), std::optional<LogPosition>({UINT64_MAX, 0})}) {
        PeerRequestEnvelope envelope = full_request();
        envelope.tier = tier;
        envelope.hop = 1;
        envelope.only_if_cached = flag;
        envelope.position = position;
        const auto parsed = parse_peer_request(format(envelope));
        REQUIRE(parsed);
        CHECK(*parsed == envelope);
      }
    }
  }
}

TEST_CASE("answer envelopes survive the round trip", "[cluster][envelope]") {
  PeerAnswerEnvelope envelope;
  envelope.digest = "fedcba9876543210";
  CHECK(format(envelope) == "v=1;digest=fedcba9876543210");
  CHECK(parse_peer_answer(format(envelope)).value() == envelope);

  envelope.position = LogPosition{3, 1207};
  envelope.stamp = LogPosition{3, 1190};
  envelope.in_flight = UINT32_MAX;
  envelope.draining = true;
  CHECK(format(envelope) ==
        "v=1;digest=fedcba9876543210;pos=3.1207;stamp=3.1190;in_flight=4294967295;draining");
  CHECK(parse_peer_answer(format(envelope)).value() == envelope);
}

TEST_CASE("members after the version may come in any order", "[cluster][envelope]") {
  const auto parsed = parse_peer_request(
      "v=1;only_if_cached;inv=89abcdef01234567;from=eu-1;pos=3.1207;deadline_ms=9500;digest=0123456789abcdef;"
      "hop=2;tier=shield");
  REQUIRE(parsed);
  CHECK(*parsed == full_request());
}

TEST_CASE("a deadline out of range is sent as the nearest one inside", "[cluster][envelope]") {
  PeerRequestEnvelope envelope = full_request();
  envelope.deadline = std::chrono::hours(5);
  CHECK(parse_peer_request(format(envelope)).value().deadline == deadline_max);
  envelope.deadline = std::chrono::milliseconds(-3);
  CHECK(parse_peer_request(format(envelope)).value().deadline == std::chrono::milliseconds(1));
}

TEST_CASE("a request envelope that is not exactly right is refused", "[cluster][envelope]") {
  REQUIRE(parse_peer_request(plain_request));
  const struct {
    std::string text;
    std::string_view code;
  } table[] = {
      {"", "malformed_envelope"},
      {"v", "malformed_envelope"},
      {"tier=region;v=1", "malformed_envelope"},
      {"v=1", "malformed_envelope"},
      {replaced("v=1", "v=2"), "unknown_version"},
      {replaced("v=1", "v=01"), "unknown_version"},
      {replaced("v=1", "v="), "unknown_version"},
      {replaced("v=1", "V=1"), "malformed_envelope"},
      {replaced("v=1;", "v=1;;"), "malformed_envelope"},
      {replaced("v=1;", "v=1; "), "malformed_envelope"},
      {with(""), "malformed_envelope"},
      {with("hop=1"), "malformed_envelope"},
      {with("v=1"), "malformed_envelope"},
      {with("colour=red"), "malformed_envelope"},
      {with("only_if_cached=1"), "malformed_envelope"},
      {with("only_if_cached="), "malformed_envelope"},
      {with("only_if_cached;only_if_cached"), "malformed_envelope"},
      {with("inv=1"), "malformed_envelope"},
      {with("inv=89ABCDEF01234567"), "malformed_envelope"},
      {with("inv=89abcdef01234567;inv=89abcdef01234567"), "malformed_envelope"},
      {with("pos=3"), "malformed_envelope"},
      {with("pos=3."), "malformed_envelope"},
      {with("pos=3.1.2"), "malformed_envelope"},
      {with("pos=03.1"), "malformed_envelope"},
      {with("pos=-1.1"), "malformed_envelope"},
      {with("pos=1.18446744073709551616"), "malformed_envelope"},
      {with("stamp=1.1"), "malformed_envelope"},
      {with(std::string(512, 'x')), "malformed_envelope"},
      {replaced("tier=region;", ""), "malformed_envelope"},
      {replaced("tier=region", "tier=origin"), "malformed_envelope"},
      {replaced("tier=region", "tier"), "malformed_envelope"},
      {replaced("hop=1;", ""), "malformed_envelope"},
      {replaced("hop=1", "hop=0"), "malformed_envelope"},
      {replaced("hop=1", "hop=2"), "malformed_envelope"},
      {replaced("region;hop=1", "shield;hop=3"), "malformed_envelope"},
      {replaced("region;hop=1", "shield;hop=4294967297"), "malformed_envelope"},
      {replaced("hop=1", "hop=+1"), "malformed_envelope"},
      {replaced("hop=1", "hop= 1"), "malformed_envelope"},
      {replaced("digest=0123456789abcdef;", ""), "malformed_envelope"},
      {replaced("abcdef", "ABCDEF"), "malformed_envelope"},
      {replaced("abcdef", "abcde"), "malformed_envelope"},
      {replaced("abcdef", "abcdef0"), "malformed_envelope"},
      {replaced("deadline_ms=9500;", ""), "malformed_envelope"},
      {replaced("9500", "0"), "malformed_envelope"},
      {replaced("9500", "600001"), "malformed_envelope"},
      {replaced("9500", "9.5"), "malformed_envelope"},
      {replaced(";from=eu-1", ""), "malformed_envelope"},
      {replaced("eu-1", ""), "malformed_envelope"},
      {replaced("eu-1", "EU"), "malformed_envelope"},
      {replaced("eu-1", "a=b"), "malformed_envelope"},
      {replaced("eu-1", std::string(64, 'a')), "malformed_envelope"},
  };
  for (const auto& row : table) {
    INFO(row.text);
    const auto parsed = parse_peer_request(row.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == row.code);
    CHECK(parsed.error().side == Side::client);
  }
}

TEST_CASE("an answer envelope that is not exactly right is refused", "[cluster][envelope]") {
  const std::string good = "v=1;digest=0123456789abcdef";
  REQUIRE(parse_peer_answer(good));
  for (const std::string& text : {std::string("v=1"), std::string(plain_request), good + ";draining;draining",
                                  good + ";draining=1", good + ";in_flight=4294967296", good + ";in_flight=",
                                  good + ";stamp=1", good + ";pos", good + ";hop=1", good + ";"}) {
    INFO(text);
    const auto parsed = parse_peer_answer(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == "malformed_envelope");
    CHECK(parsed.error().side == Side::upstream);
  }
  CHECK(parse_peer_answer("v=3;digest=0123456789abcdef").error().code == "unknown_version");
}

TEST_CASE("positions are ordered by epoch, then sequence", "[cluster][envelope]") {
  CHECK(LogPosition{1, 9} < LogPosition{2, 0});
  CHECK(LogPosition{2, 1} < LogPosition{2, 2});
}

}  // namespace perigee::cluster

#include "edge/cluster/peer_auth.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/base/mac.h"

namespace perigee::cluster {
namespace {

constexpr int64_t now_s = 1'767'225'600;
const std::string secret_a = "an old secret of thirty-two bytes";
const std::string secret_b = "a new secret of thirty-two bytes!";

PeerKeyRing ring(std::vector<PeerKey> keys) { return PeerKeyRing::build(std::move(keys)).value(); }

PeerAuthRequest request() { return {"GET", "example.org", "/a?b=c", "v=1;hop=1"}; }

PeerAuthError refusal(const PeerKeyRing& keys, std::string_view field, const PeerAuthRequest& of = request(),
                      int64_t at = now_s) {
  const auto verified = keys.verify(field, of, at);
  REQUIRE_FALSE(verified);
  return verified.error();
}

std::string part(std::string_view text) {
  return std::string{0, 0, 0, static_cast<char>(text.size())} + std::string(text);
}

}  // namespace

TEST_CASE("the MAC is over the documented message", "[cluster][auth]") {
  const std::string message = part("perigee-peer-auth-1") + part("a") + part("GET") + part("example.org") +
                              part("/a?b=c") + part("v=1;hop=1") + part("1767225600");
  CHECK(ring({{"a", secret_a}}).sign(request(), now_s) ==
        "id=a;t=1767225600;mac=" + to_hex(hmac_sha256(secret_a, message)));
}

TEST_CASE("what one node signs another verifies, within 30 s either way", "[cluster][auth]") {
  const PeerKeyRing keys = ring({{"a", secret_a}});
  const std::string field = keys.sign(request(), now_s);
  for (const int64_t skew : {-30, -1, 0, 1, 30}) {
    INFO(skew);
    CHECK(keys.verify(field, request(), now_s + skew).value() == 0);
  }
  for (const int64_t skew : {int64_t{-31}, int64_t{31}, int64_t{86'400}, -now_s}) {
    INFO(skew);
    CHECK(refusal(keys, field, request(), now_s + skew) == PeerAuthError::stale_time);
  }
}

TEST_CASE("any change to what is signed is a bad MAC", "[cluster][auth]") {
  const PeerKeyRing keys = ring({{"a", secret_a}});
  const std::string field = keys.sign(request(), now_s);
  const PeerAuthRequest changed[] = {
      {"HEAD", "example.org", "/a?b=c", "v=1;hop=1"}, {"GET", "example.net", "/a?b=c", "v=1;hop=1"},
      {"GET", "example.org", "/a?b=d", "v=1;hop=1"},  {"GET", "example.org", "/a?b=c", "v=1;hop=2"},
      {"GET", "example.org", "/a?b=c", ""},           {"GETe", "xample.org", "/a?b=c", "v=1;hop=1"},
      {"GET", "example.org/a", "?b=c", "v=1;hop=1"},  {"GET", "example.org", "/a?b=cv", "=1;hop=1"},
      {"GET", "", "example.org/a?b=c", "v=1;hop=1"},
  };
  for (const auto& other : changed) {
    INFO(other.method << ' ' << other.authority << ' ' << other.target << ' ' << other.peer_field);
    CHECK(refusal(keys, field, other) == PeerAuthError::bad_mac);
  }
  std::string later = field;
  later.replace(later.find("1767225600"), 10, "1767225601");
  CHECK(refusal(keys, later) == PeerAuthError::bad_mac);
  CHECK(refusal(ring({{"a", secret_b}}), field) == PeerAuthError::bad_mac);
}

TEST_CASE("a forged request far from now is a bad MAC, not a clock that is wrong", "[cluster][auth]") {
  const std::string field = ring({{"a", secret_b}}).sign(request(), now_s - 1000);
  CHECK(refusal(ring({{"a", secret_a}}), field) == PeerAuthError::bad_mac);
}

TEST_CASE("two keys are valid while rotating, and the first signs", "[cluster][auth]") {
  const PeerKeyRing old_only = ring({{"a", secret_a}});
  const PeerKeyRing old_first = ring({{"a", secret_a}, {"b", secret_b}});
  const PeerKeyRing new_first = ring({{"b", secret_b}, {"a", secret_a}});
  const PeerKeyRing new_only = ring({{"b", secret_b}});

  CHECK(old_only.verify(old_first.sign(request(), now_s), request(), now_s).value() == 0);
  CHECK(old_first.verify(new_first.sign(request(), now_s), request(), now_s).value() == 1);
  CHECK(new_first.verify(old_first.sign(request(), now_s), request(), now_s).value() == 1);
  CHECK(new_only.verify(new_first.sign(request(), now_s), request(), now_s).value() == 0);
  CHECK(refusal(new_only, old_first.sign(request(), now_s)) == PeerAuthError::unknown_key);
}

TEST_CASE("a field in any other form is malformed", "[cluster][auth]") {
  const PeerKeyRing keys = ring({{"a", secret_a}});
  const std::string mac(64, '0');
  CHECK(refusal(keys, "id=a;t=1767225600;mac=" + mac) == PeerAuthError::bad_mac);
  const std::string table[] = {
      "",
      "id=a",
      "id=a;t=1767225600",
      "id=a;t=1767225600;mac=",
      "id=a;t=1767225600;mac=" + mac + ";",
      "id=a;t=1767225600;mac=" + mac + ";x=1",
      "id=a;t=1767225600;mac=" + mac + "00",
      "id=a;t=1767225600;mac=" + mac.substr(1),
      "id=a;t=1767225600;mac=" + std::string(64, 'A'),
      "id=a;t=1767225600;mac=" + std::string(64, 'g'),
      "id=a;t=;mac=" + mac,
      "id=a;t=-1;mac=" + mac,
      "id=a;t=01767225600;mac=" + mac,
      "id=a;t=99999999999999999999;mac=" + mac,
      "id=a;t=18446744073709551615;mac=" + mac,
      "id=;t=1767225600;mac=" + mac,
      "id=A b;t=1767225600;mac=" + mac,
      "t=1767225600;id=a;mac=" + mac,
      " id=a;t=1767225600;mac=" + mac,
      "id=a; t=1767225600; mac=" + mac,
  };
  for (const std::string& field : table) {
    INFO(field);
    CHECK(refusal(keys, field) == PeerAuthError::malformed);
  }
}

TEST_CASE("bad keys are refused without telling the secret", "[cluster][auth]") {
  const std::vector<PeerKey> table[] = {
      {},
      {{"a", "short secret"}},
      {{"", secret_a}},
      {{"a;b", secret_a}},
      {{"a", secret_a}, {"a", secret_b}},
      {{"a", secret_a}, {"b", secret_b}, {"c", secret_b}},
  };
  for (const auto& keys : table) {
    const auto built = PeerKeyRing::build(keys);
    INFO(keys.size());
    REQUIRE_FALSE(built);
    CHECK(built.error().code == "bad_peer_keys");
    CHECK(built.error().context.find("secret of") == std::string::npos);
    CHECK(built.error().context.find("short secret") == std::string::npos);
  }
}

TEST_CASE("the reasons for a refusal have names", "[cluster][auth]") {
  CHECK(to_string(PeerAuthError::malformed) == "malformed");
  CHECK(to_string(PeerAuthError::unknown_key) == "unknown_key");
  CHECK(to_string(PeerAuthError::bad_mac) == "bad_mac");
  CHECK(to_string(PeerAuthError::stale_time) == "stale_time");
}

}  // namespace perigee::cluster

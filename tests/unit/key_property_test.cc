// The cache key is a function of the bytes that are forwarded, and those of the key: over random requests
// from a fixed seed.
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "edge/base/random.h"
#include "edge/cache/key.h"
#include "edge/proxy/upstream_request.h"
#include "tests/unit/fields_of.h"

using namespace perigee;

namespace {

// Characters that normalisation, parsing and forwarding treat each in their own way.
std::string random_text(Random& random, std::string_view alphabet, size_t length_max) {
  std::string text;
  for (uint64_t n = random.below(length_max); n > 0; --n)
    text.push_back(alphabet[random.below(alphabet.size())]);
  return text;
}

struct Asked {
  std::string authority;
  std::string path;
};

// Few different URLs in many spellings, so that keys meet.
Asked random_request(Random& random) {
  static constexpr std::string_view hosts[] = {"a.example",     "A.Example",  "a.example:80",
                                               "a.example:080", "a.example:", "b.example",
                                               "a.example.",    "[::1]",      "[::1]:8080"};
  static constexpr std::string_view pieces[] = {"/", "a",   "A",   "%61", "%41", "%2f", "%2F",
                                                ".", "..",  "%2e", "?",   "?a",  "&b",  "=",
                                                "%", "%7e", "~",   "//",  "a/.", "b"};
  Asked asked{std::string(hosts[random.below(std::size(hosts))]), "/"};
  for (uint64_t n = random.below(6); n > 0; --n) asked.path += pieces[random.below(std::size(pieces))];
  if (random.chance(0.1)) asked.path += random_text(random, "az09-._~%2eEfF/?;=&:@|\"<>", 8);
  return asked;
}

// Request line and Host as they go to the origin, for what a client asked under that key.
std::string forwarded(const Asked& asked, std::string_view key, const http::FieldList& fields) {
  http::RequestHead request;
  request.method = http::Method::get;
  request.method_text = "GET";
  request.authority = asked.authority;
  request.path = asked.path;
  request.fields = fields;
  const cache::KeyParts parts = cache::key_parts(key);
  proxy::UpstreamRequest upstream;
  upstream.request = &request;
  upstream.scheme = parts.scheme;
  upstream.authority = parts.authority;
  upstream.path = parts.path;
  upstream.whole_representation = true;
  upstream.via_name = "node";
  upstream.cdn_id = "cdn";
  std::string head;
  proxy::write_upstream_request(upstream, head);
  const size_t host = head.find("\r\nhost: ");
  REQUIRE(host != std::string::npos);
  REQUIRE(head.find("\r\nhost: ", host + 1) == std::string::npos);
  return head.substr(0, head.find("\r\n")) + head.substr(host, head.find("\r\n", host + 2) - host);
}

}  // namespace

TEST_CASE("equal keys are forwarded as equal bytes, and equal bytes have equal keys", "[property][key]") {
  Random random(9110);
  std::map<std::string, std::string> bytes_of_key;
  std::map<std::string, std::string> key_of_bytes;
  int met = 0;
  for (int i = 0; i < 50'000; ++i) {
    const Asked asked = random_request(random);
    std::string key;
    if (!cache::build_key("http", asked.authority, asked.path, key)) continue;
    INFO(asked.authority << " " << asked.path << " -> " << key);
    const std::string bytes = forwarded(asked, key, test::fields_of({{"Host", asked.authority}}));
    const auto [of_key, new_key] = bytes_of_key.emplace(key, bytes);
    REQUIRE(of_key->second == bytes);
    REQUIRE(key_of_bytes.emplace(bytes, key).first->second == key);
    met += !new_key;
  }
  CHECK(bytes_of_key.size() > 1000);
  CHECK(met > 1000);
}

TEST_CASE("fields of the client that name another host or path change nothing of what is forwarded",
          "[property][key]") {
  Random random(7230);
  static constexpr std::string_view names[] = {"Host",          "X-Forwarded-Host",       "X-Original-URL",
                                               "X-Rewrite-URL", "X-HTTP-Method-Override", "Forwarded",
                                               "X-Host",        "Content-Location"};
  for (int i = 0; i < 5'000; ++i) {
    const Asked asked = random_request(random);
    std::string key;
    if (!cache::build_key("http", asked.authority, asked.path, key)) continue;
    const std::string plain = forwarded(asked, key, {});
    http::FieldList fields;
    for (uint64_t n = 1 + random.below(4); n > 0; --n) {
      fields.add(names[random.below(std::size(names))], "evil.example");
    }
    INFO(asked.authority << " " << asked.path);
    REQUIRE(forwarded(asked, key, fields) == plain);
  }
}

// References in answers to unsafe methods, as cache keys of the same origin.
#include "edge/proxy/invalidation.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/cache/key.h"

namespace perigee::proxy {
namespace {

TEST_CASE("a reference of the same origin becomes a cache key", "[proxy][invalidation]") {
  struct Case {
    std::string_view reference;
    std::string_view path;  // empty: not resolved
  };
  const Case cases[] = {
      {"/x", "/x"},
      {"x", "/dir/x"},
      {"x?q=1", "/dir/x?q=1"},
      {"?q=1", "/dir/page?q=1"},
      {"", "/dir/page"},
      {"../x", "/x"},
      {"/x#part", "/x"},
      {"http://a.example/x", "/x"},
      {"HTTP://A.EXAMPLE:80/x", "/x"},
      {"http://a.example", "/"},
      {"http://a.example?q", "/?q"},
      {"//a.example/x", "/x"},
      {"https://a.example/x", ""},
      {"http://b.example/x", ""},
      {"//b.example/x", ""},
      {"http://a.example:8080/x", ""},
      {"http:/x", ""},
      {"mailto:a@a.example", ""},
      {"http://u@a.example/x", ""},
  };
  std::string key;
  REQUIRE(cache::build_key("http", "a.example", "/dir/page?z=1", key));
  for (const Case& each : cases) {
    INFO(each.reference);
    std::string out;
    const bool resolved = resolve_same_origin(key, each.reference, out);
    REQUIRE(resolved == !each.path.empty());
    if (resolved) REQUIRE(cache::key_parts(out).path == each.path);
  }
}

}  // namespace
}  // namespace perigee::proxy

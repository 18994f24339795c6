#include <catch2/catch_test_macros.hpp>

#include "edge/proxy/site.h"

using namespace perigee;
using namespace perigee::proxy;

namespace {

std::shared_ptr<const Site> site(std::string name, std::vector<std::string> hosts) {
  auto made = std::make_shared<Site>();
  made->name = std::move(name);
  made->hosts = std::move(hosts);
  return made;
}

std::string found(const SiteTable& table, std::string_view host) {
  const Site* match = table.find(host);
  return match == nullptr ? "none" : match->name;
}

}  // namespace

TEST_CASE("a host finds its site: exact, then the longest wildcard, then the site of all hosts", "[site]") {
  auto table = SiteTable::build({site("exact", {"www.example.org"}), site("wide", {"*.example.org"}),
                                 site("deep", {"*.img.example.org"}), site("all", {"*"})});
  REQUIRE(table);
  struct Case {
    std::string_view host;
    std::string_view name;
  };
  const Case cases[] = {
      {"www.example.org", "exact"},
      {"WWW.Example.ORG", "exact"},
      {"wwW.eXAMPLE.oRg.", "exact"},
      {"www[example.org", "all"},
      {"WWW{example.org", "all"},
      {"\xd7\xd7\xd7.EXAMPLE.org", "wide"},
      {"www.example.org.", "exact"},
      {"a.example.org", "wide"},
      {"a.b.example.org", "wide"},
      {"x.img.example.org", "deep"},
      {"img.example.org", "wide"},
      {"example.org", "all"},
      {"example.com", "all"},
      {"xexample.org", "all"},
      {"", "all"},
      {".", "all"},
      {"..", "all"},
      {"[::1]", "all"},
      {".example.org", "wide"},
  };
  for (const Case& example : cases) {
    INFO(example.host);
    CHECK(found(**table, example.host) == example.name);
  }
  CHECK(found(**table, std::string(256, 'a')) == "all");
  CHECK(found(**table, std::string(100'000, '.')) == "all");
}

TEST_CASE("without a site of all hosts a foreign host finds none", "[site]") {
  auto table = SiteTable::build({site("one", {"example.org"})});
  REQUIRE(table);
  CHECK(found(**table, "example.com") == "none");
  CHECK(found(**table, "a.example.org") == "none");
  CHECK((*table)->sites().size() == 1);
}

TEST_CASE("a host of two sites is refused, naming the host and both", "[site]") {
  for (const char* host : {"a.example", "*.example", "*"}) {
    auto table = SiteTable::build({site("one", {host}), site("two", {host})});
    REQUIRE(!table);
    CHECK(table.error().code == "duplicate_host");
    CHECK(table.error().context.find(host) != std::string::npos);
    CHECK(table.error().context.find("one") != std::string::npos);
    CHECK(table.error().context.find("two") != std::string::npos);
  }
  CHECK(!SiteTable::build({site("one", {"A.example"}), site("two", {"a.EXAMPLE"})}));
}

TEST_CASE("a table of no sites finds none", "[site]") {
  auto table = SiteTable::build({});
  REQUIRE(table);
  CHECK(found(**table, "example.org") == "none");
}

TEST_CASE("the host of an authority is what comes before its port", "[site]") {
  CHECK(host_of("a.example") == "a.example");
  CHECK(host_of("a.example:8080") == "a.example");
  CHECK(host_of("a.example:") == "a.example");
  CHECK(host_of("[::1]") == "[::1]");
  CHECK(host_of("[::1]:80") == "[::1]");
  CHECK(host_of("") == "");
}

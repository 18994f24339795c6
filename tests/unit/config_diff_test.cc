#include "edge/control/config_diff.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/control/admin_pages.h"
#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;

namespace {

constexpr std::string_view origins = "[[origin]]\nname = \"o\"\nservers = [\"127.0.0.1:8000\"]\n";

std::string a_site(const std::string& name, std::string_view more = "") {
  return "[[site]]\nname = \"" + name + "\"\nhosts = [\"" + name + ".example\"]\norigin = \"o\"\n" +
         std::string(more);
}

std::shared_ptr<const Config> load(const std::string& sites,
                                   const std::string& token = "sixteen bytes or more") {
  test::MapFiles files{{"n.toml", "listen.client = [\"127.0.0.1:80\"]\nadmin.token_file = \"token\"\n" +
                                      std::string(origins) + sites},
                       {"token", token}};
  auto config = load_config(files, "n.toml", "");
  REQUIRE(config);
  return *config;
}

// "changed key: before -> after" a line.
std::string difference(const Config& before, const Config& after) {
  std::string text;
  for (const ConfigChange& change : diff_configs(before, after)) {
    text += std::string(to_string(change.kind)) + " " + change.key + ": " + change.before + " -> " +
            change.after + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("equal configurations differ in nothing", "[config_diff]") {
  CHECK(difference(*load(a_site("a")), *load(a_site("a"))).empty());
}

TEST_CASE("the order of sites and the lines they stand on are no difference", "[config_diff]") {
  CHECK(difference(*load(a_site("a") + a_site("b")), *load("\n\n" + a_site("b") + a_site("a"))).empty());
}

TEST_CASE("a changed setting is named with both values", "[config_diff]") {
  CHECK(difference(*load(a_site("a")), *load(a_site("a") + "[site.cache]\ndefault_freshness = \"1h\"\n")) ==
        "changed site[a].cache.default_freshness: 0s -> 1h\n");
}

TEST_CASE("a site that came or went is one line", "[config_diff]") {
  const auto one = load(a_site("a") + a_site("c"));
  const auto two = load(a_site("a") + a_site("b") + a_site("c"));
  CHECK(difference(*one, *two) == "added site[b]:  -> \n");
  CHECK(difference(*two, *one) == "removed site[b]:  -> \n");
}

TEST_CASE("a rule that came within a site is named setting by setting", "[config_diff]") {
  const std::string text = difference(
      *load(a_site("a")), *load(a_site("a", "[[site.rule]]\npath_prefix = \"/x\"\nbypass = true\n")));
  CHECK(text.find("added site[a].rule[/x].bypass:  -> true\n") != std::string::npos);
}

TEST_CASE("a changed secret is seen, and neither it nor its digest is shown", "[config_diff]") {
  const auto before = load(a_site("a"), "the first of the tokens");
  const auto after = load(a_site("a"), "the second of the tokens");
  CHECK(difference(*before, *after) == "changed admin.token_file: (redacted) -> (redacted)\n");
  const std::string page = config_json(*after, 1);
  CHECK(page.find("the second") == std::string::npos);
  CHECK(page.find("token\"") == std::string::npos);
  CHECK(page.find("(redacted)") != std::string::npos);
}

TEST_CASE("restart-only settings are marked", "[config_diff]") {
  const auto before = load(a_site("a"));
  const auto after = load(a_site("a") + "[cache]\nshards = 4\n[log]\nlevel = \"error\"\n");
  const auto changes = diff_configs(*before, *after);
  REQUIRE(changes.size() == 2);
  CHECK((changes[0].key == "cache.shards" && changes[0].restart));
  CHECK((changes[1].key == "log.level" && !changes[1].restart));
}

TEST_CASE("the config page says where each value is from", "[config_diff]") {
  const std::string page = config_json(*load(a_site("a") + "[log]\nlevel = \"error\"\n"), 7);
  CHECK(page.find("\"config_id\": 7") != std::string::npos);
  CHECK(page.find("\"from\": \"n.toml:11:1\"") != std::string::npos);
  CHECK(page.find("\"from\": \"default\"") != std::string::npos);
}

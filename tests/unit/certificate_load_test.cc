// Certificates in a configuration: what is said of their time.
#include <catch2/catch_test_macros.hpp>

#include "edge/control/config.h"
#include "tests/unit/map_files.h"
#include "tests/unit/test_files.h"

using namespace perigee;
using namespace perigee::control;
using namespace perigee::test;

namespace {

constexpr WallTime new_year_2120 = wall_from_unix_seconds(4'733'510'400);

}  // namespace

TEST_CASE("of a certificate that ends within a fortnight the configuration warns, of one without end never",
          "[config][tls]") {
  const struct {
    std::string stem;
    WallTime now;
    std::string says;
  } cases[] = {
      {"a", new_year_2120 - std::chrono::days(15), ""},
      {"a", new_year_2120 - std::chrono::days(14), ""},
      {"a", new_year_2120 - std::chrono::days(14) + std::chrono::hours(1), "expires in 13 days"},
      {"a", new_year_2120 - std::chrono::hours(1), "expires in 0 days"},
      {"forever", wall_from_unix_seconds(1'800'000'000), ""},
  };
  for (const auto& each : cases) {
    INFO(each.stem << " " << each.says);
    MapFiles files{
        {"n.toml",
         "[listen]\ntls = [\"127.0.0.1:443\"]\n[[certificate]]\nchain = \"c.pem\"\nkey = \"c.key\"\n"
         "[[origin]]\nname = \"o\"\nservers = [\"127.0.0.1:80\"]\n"
         "[[site]]\nname = \"s\"\nhosts = [\"a.example\"]\norigin = \"o\"\n"},
        {"c.pem", pem(each.stem + ".pem")},
        {"c.key", pem(each.stem + ".key")}};
    const auto config = load_config(files, "n.toml", "", each.now);
    REQUIRE(config);
    std::string said;
    for (const auto& warning : (*config)->warnings) said += warning.message + "\n";
    INFO(said);
    CHECK((said.find("expires in") != std::string::npos) == !each.says.empty());
    CHECK(said.find(each.says) != std::string::npos);
  }
}

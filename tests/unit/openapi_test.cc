#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "edge/base/json.h"
#include "edge/control/admin_handler.h"
#include "edge/control/reference_docs.h"

using namespace perigee;
using namespace perigee::control;

TEST_CASE("docs/openapi.json is what the table of admin pages makes", "[admin][openapi]") {
  std::ifstream in(std::string(PERIGEE_SOURCE_DIR) + "/docs/openapi.json", std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  CHECK(bytes.str() == openapi_reference());
}

TEST_CASE("every admin page is described once, with its method and what it needs", "[admin][openapi]") {
  const Json paths = parse_json(openapi_reference())["paths"];
  std::set<std::string> seen;
  for (const AdminRoute& route : AdminHandler::routes()) {
    INFO(route.path);
    CHECK(seen.insert(std::string(route.path)).second);
    REQUIRE(paths.contains(std::string(route.path)));
    const Json& page = paths[std::string(route.path)];
    CHECK(page.size() == 1);
    REQUIRE(page.contains(route.read ? "get" : "post"));
    const Json& operation = page[route.read ? "get" : "post"];
    CHECK(!operation["summary"].get<std::string>().empty());
    CHECK(operation.contains("security") != route.open);
    CHECK(operation["responses"].contains("401") != route.open);
  }
  CHECK(seen.size() == paths.size());
}

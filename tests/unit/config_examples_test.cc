#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "edge/base/random.h"
#include "edge/control/config.h"
#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;
using test::MapFiles;

namespace {

std::string read_source(const std::string& path) {
  std::ifstream in(std::string(PERIGEE_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("the examples in config/ are good for every node they name", "[config]") {
  MapFiles files{{"config/cluster-node.toml", read_source("config/cluster-node.toml")},
                 {"config/topology.toml", read_source("config/topology.toml")},
                 {"config/peer.key", "0123456789abcdef0123456789abcdef"}};
  for (const char* name : {"", "eu-1", "eu-2", "us-1"}) {
    INFO(name);
    const ConfigCheck check = check_config(files, "config/cluster-node.toml", name);
    INFO(check.text);
    CHECK(check.ok);
    CHECK(check.text.find("warning") == std::string::npos);
  }
  MapFiles alone{{"config/alone.toml", read_source("config/alone.toml")}};
  const ConfigCheck check = check_config(alone, "config/alone.toml", "");
  INFO(check.text);
  CHECK(check.ok);
  CHECK(check.text.find("warning") == std::string::npos);
}

TEST_CASE("the example of a node alone is good as it is shipped, with no file beside it", "[config]") {
  MapFiles files{{"config/node.toml", read_source("config/node.toml")}};
  const ConfigCheck check = check_config(files, "config/node.toml", "");
  INFO(check.text);
  CHECK(check.ok);
  CHECK(check.text.find("warning") == std::string::npos);
}

TEST_CASE("the configuration of the containers is good for every node of it", "[config]") {
  MapFiles files{{"docker/node.toml", read_source("docker/node.toml")},
                 {"docker/topology.toml", read_source("docker/topology.toml")},
                 {"/run/perigee-secrets/peer.key", "0123456789abcdef0123456789abcdef"},
                 {"/run/perigee-secrets/admin.token", "0123456789abcdef0123456789abcdef"}};
  for (const char* name : {"eu-1", "eu-2", "us-1", "us-2"}) {
    INFO(name);
    const ConfigCheck check = check_config(files, "docker/node.toml", name);
    INFO(check.text);
    CHECK(check.ok);
  }
}

namespace {

// A few random edits: bytes changed, runs removed, doubled or moved, digits and quotes put in.
std::string mutated(std::string text, Random& random) {
  const uint64_t edits = 1 + random.below(4);
  for (uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const size_t at = random.below(text.size());
    const size_t length = 1 + random.below(std::min<size_t>(40, text.size() - at));
    switch (random.below(5)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      default:
        text.insert(at, 1, "\"'[]{}=.,#\n0-9xTrue"[random.below(19)]);
        break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("a thousand mutations of the examples are each refused with a message or valid", "[config]") {
  const std::string node = read_source("config/cluster-node.toml");
  const std::string topology = read_source("config/topology.toml");
  Random random(20260101);
  int valid = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool of_topology = i % 3 == 0;
    MapFiles files{{"node.toml", of_topology ? node : mutated(node, random)},
                   {"topology.toml", of_topology ? mutated(topology, random) : topology},
                   {"peer.key", "0123456789abcdef0123456789abcdef"}};
    auto config = load_config(files, "node.toml", "eu-1");
    if (config) {
      ++valid;
      CHECK(!(*config)->listen.client.empty());
      CHECK((*config)->sites != nullptr);
      continue;
    }
    REQUIRE(!config.error().empty());
    for (const ConfigError& error : config.error()) {
      CHECK(!error.place.file.empty());
      CHECK(!error.message.empty());
    }
  }
  // Edits within comments and names leave a file good; both outcomes must have been seen.
  CHECK(valid > 50);
  CHECK(valid < 950);
}

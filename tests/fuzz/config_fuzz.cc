// Any bytes as a node file and as a topology file: each is valid or refused with a message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "edge/control/admin_pages.h"
#include "edge/control/config.h"
#include "tests/unit/map_files.h"

namespace {

void load_or_refuse(perigee::test::MapFiles& files) {
  auto config = perigee::control::load_config(files, "node.toml", "eu-1");
  if (config) {
    if (perigee::control::config_json(**config, 1).empty()) std::abort();
    return;
  }
  if (config.error().empty()) std::abort();
  for (const auto& error : config.error()) {
    if (error.message.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  perigee::test::MapFiles files{{"peer.key", "0123456789abcdef0123456789abcdef"}, {"node.toml", bytes}};
  load_or_refuse(files);
  files.put("topology.toml", bytes);
  files.put("node.toml", "node.topology = \"topology.toml\"\n");
  load_or_refuse(files);
  return 0;
}

// Any bytes as a perigee-peer and a perigee-peer-auth field: no crash, and what is accepted is understood the
// same way again after it was written out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/cluster/peer_auth.h"
#include "edge/cluster/peer_envelope.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace perigee::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = parse_peer_request(text)) {
    const auto again = parse_peer_request(format(*request));
    require(again && *again == *request);
  }
  if (const auto answer = parse_peer_answer(text)) {
    const auto again = parse_peer_answer(format(*answer));
    require(again && *again == *answer);
  }
  const auto keys = PeerKeyRing::build({{"a", std::string(32, 'k')}});
  require(keys.has_value());
  require(!keys->verify(text, {"GET", "example.org", "/", text}, 1'767'225'600));
  return 0;
}

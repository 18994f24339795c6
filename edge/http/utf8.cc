#include "edge/http/utf8.h"

#include <cstdint>

namespace perigee::http {

namespace {

// Bytes of the sequence that this byte starts; 0 when it cannot start one.
size_t sequence_length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

// Leads whose second byte is bound more narrowly than 80..BF.
bool second_is_legal(uint8_t lead, uint8_t second) {
  switch (lead) {
    case 0xe0:
      return second >= 0xa0;
    case 0xed:
      return second <= 0x9f;
    case 0xf0:
      return second >= 0x90;
    case 0xf4:
      return second <= 0x8f;
    default:
      return true;
  }
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto lead = static_cast<uint8_t>(bytes[0]);
    const size_t length = sequence_length(lead);
    if (length == 0 || length > bytes.size()) return false;
    for (size_t i = 1; i < length; ++i) {
      if ((static_cast<uint8_t>(bytes[i]) & 0xc0) != 0x80) return false;
    }
    if (length > 1 && !second_is_legal(lead, static_cast<uint8_t>(bytes[1]))) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace perigee::http

// The heads among the frames that a server sent, unpacked (RFC 7541): what a test by raw frames looks at.
//
// Thread rule: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/node/support/h2_frames.h"

namespace perigee::test {

struct SeenHead {
  uint32_t stream = 0;
  bool ends_stream = false;
  FieldLines fields;  // as sent, pseudo-header fields too
  // Of the first line of that name; "" without one.
  std::string field(std::string_view name) const;
  std::string status() const { return field(":status"); }
};

// All HEADERS frames of a connection's bytes, in order; they must be whole, without padding or priority, and
// nothing before them may be missing, since the table of names and values is the connection's.
std::vector<SeenHead> heads_of(std::string_view bytes);

// The status of the final answer on a stream; "" when there is none.
std::string final_status(std::string_view bytes, uint32_t stream);

}  // namespace perigee::test

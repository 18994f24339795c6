// The order in which to try the addresses of one name.
//
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "edge/net/address.h"

namespace perigee::net {

// Takes the families in turn, beginning with that of the first address, and keeps the order within each (RFC
// 8305 section 4), so that a broken family costs one attempt and not one per address.
void interleave_families(std::vector<Address>& addresses);

}  // namespace perigee::net

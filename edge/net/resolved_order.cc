#include "edge/net/resolved_order.h"

#include <algorithm>

namespace perigee::net {

void interleave_families(std::vector<Address>& addresses) {
  if (addresses.empty()) return;
  Address::Family first = addresses.front().family;
  std::vector<Address> preferred, others;
  for (const Address& address : addresses) (address.family == first ? preferred : others).push_back(address);
  addresses.clear();
  for (size_t i = 0; i < std::max(preferred.size(), others.size()); ++i) {
    if (i < preferred.size()) addresses.push_back(preferred[i]);
    if (i < others.size()) addresses.push_back(others[i]);
  }
}

}  // namespace perigee::net

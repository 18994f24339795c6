#include "edge/net/tls_resumption.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace perigee::net {

TlsResumption::Place TlsResumption::claim(std::string_view key) {
  Slot* const set = &slots_[std::hash<std::string_view>{}(key) % sets * ways];
  Slot* slot =
      std::find_if(set, set + ways, [key](const Slot& each) { return each.tenancy > 0 && each.key == key; });
  if (slot == set + ways) {
    slot = std::min_element(set, set + ways, [](const Slot& a, const Slot& b) { return a.used < b.used; });
    slot->key = key;
    slot->session.reset();
    ++slot->tenancy;
  }
  slot->used = ++claims_;
  return slot->tenancy * slots + static_cast<size_t>(slot - slots_.data());
}

const TlsResumption::Slot* TlsResumption::slot_of(Place place) const {
  const Slot& slot = slots_[place % slots];
  return place != 0 && slot.tenancy == place / slots ? &slot : nullptr;
}

SSL_SESSION* TlsResumption::find(Place place) const {
  const Slot* slot = slot_of(place);
  return slot == nullptr ? nullptr : slot->session.get();
}

void TlsResumption::keep(Place place, SessionHandle session) {
  if (slot_of(place) != nullptr) slots_[place % slots].session = std::move(session);
}

}  // namespace perigee::net

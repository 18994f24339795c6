// The sessions that clients of one context may resume: one for each key, for the keys that were used last.
//
// A key says with whom a session was established, and with an address that a name has only for now there is
// no end of them: 256 are held, and what falls out costs a full handshake.
//
// Owned by its context. Thread rule: one loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/net/tls_handles.h"

namespace perigee::net {

class TlsResumption {
 public:
  // Where a connection keeps what it is given to resume, perhaps long after its handshake. Never 0; small
  // enough to be carried as a pointer.
  using Place = uintptr_t;

  // The key's place from now on, that of the key used longest ago among four if it has none yet.
  Place claim(std::string_view key);
  // What a handshake under the key may offer; null without.
  SSL_SESSION* find(Place place) const;
  // Replaces it; dropped when the place has gone to another key since.
  void keep(Place place, SessionHandle session);

 private:
  static constexpr size_t ways = 4;
  static constexpr size_t sets = 64;
  static constexpr size_t slots = ways * sets;

  struct Slot {
    std::string key;
    SessionHandle session;
    uintptr_t tenancy = 0;  // how many keys it has been the place of; 0: free
    uint64_t used = 0;
  };
  const Slot* slot_of(Place place) const;

  std::array<Slot, slots> slots_;
  uint64_t claims_ = 0;
};

}  // namespace perigee::net

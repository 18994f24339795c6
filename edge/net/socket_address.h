// Addresses as the kernel wants them. Internal to edge/net.
//
// Thread rule: pure functions.
#pragma once

#include <sys/socket.h>

#include "edge/net/address.h"

namespace perigee::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Address& address);
// An address of another family comes out as 0.0.0.0:0.
Address from_socket_address(const sockaddr* from);

}  // namespace perigee::net

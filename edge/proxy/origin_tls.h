// How a connection to a server of an origin group is secured.
//
// Thread rule: pure; the factory and the context belong to the caller's loop.
#pragma once

#include <memory>
#include <string>

#include "edge/net/tls_stream.h"
#include "edge/proxy/connector.h"
#include "edge/proxy/site.h"

namespace perigee::proxy {

// For a group with TLS. Sessions and connections are kept apart by whom they are with and by who vouched for
// that.
ConnectTls origin_tls(net::TlsFactory& factory, std::shared_ptr<net::TlsClientContext> context,
                      const OriginGroup& group, const std::string& server_host);

}  // namespace perigee::proxy

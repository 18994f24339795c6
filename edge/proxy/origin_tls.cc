#include "edge/proxy/origin_tls.h"

#include <utility>

namespace perigee::proxy {

ConnectTls origin_tls(net::TlsFactory& factory, std::shared_ptr<net::TlsClientContext> context,
                      const OriginGroup& group, const std::string& server_host) {
  ConnectTls tls;
  tls.factory = &factory;
  tls.context = std::move(context);
  tls.name = server_host;
  if (!group.host_header.empty()) tls.name = group.host_header.substr(0, group.host_header.rfind(':'));
  if (!group.tls_name.empty()) tls.name = group.tls_name;
  tls.resume_key = tls.name + " " + group.tls_identity;
  return tls;
}

}  // namespace perigee::proxy

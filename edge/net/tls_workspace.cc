#include "edge/net/tls_workspace.h"

#include "edge/net/tls_transport.h"

namespace perigee::net {

TlsWorkspace::TlsWorkspace()
    : opened(std::make_unique_for_overwrite<char[]>(opened_bytes_max)),
      staging(std::make_unique_for_overwrite<char[]>(record_bytes_max)),
      method(make_tls_transport_method()) {}

TlsWorkspace::~TlsWorkspace() { BIO_meth_free(method); }

}  // namespace perigee::net

#include "edge/net/tls_workspace.h"

#include "edge/net/tls_transport.h"

namespace perigee::net {

TlsWorkspace::TlsWorkspace(Loop& loop)
    : row(loop),
      staging(std::make_unique_for_overwrite<char[]>(record_bytes_max)),
      method(make_tls_transport_method()) {}

TlsWorkspace::~TlsWorkspace() { BIO_meth_free(method); }

}  // namespace perigee::net

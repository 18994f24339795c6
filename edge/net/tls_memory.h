// Memory for OpenSSL's record buffers.
//
// A session gives its buffers back after each record (SSL_MODE_RELEASE_BUFFERS), so that an idle connection
// holds none: an answer costs two buffers of 17 KiB taken and given back, and the general allocator takes that
// size the slow way, from its sorted bins. A few of them are kept by each thread instead.
#pragma once

namespace perigee::net {

// Makes OpenSSL allocate through here, for the rest of the process. To be called first thing in main(), before
// any other thread and anything of OpenSSL's; false: it has allocated already, and goes on as it did.
bool keep_tls_record_buffers();

}  // namespace perigee::net

// What the TLS streams of one loop share: memory in which records are made and opened, and the transport
// method by which OpenSSL reaches it. A stream uses it only within one call, so an idle stream pays for none
// of it.
//
// Owned by the streams and whoever makes them, together. Thread rule: one loop.
#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <memory>
#include <string>

#include "edge/net/tls_row.h"

namespace perigee::net {

struct TlsWorkspace {
  explicit TlsWorkspace(Loop& loop);
  ~TlsWorkspace();
  TlsWorkspace(const TlsWorkspace&) = delete;
  TlsWorkspace& operator=(const TlsWorkspace&) = delete;

  static constexpr size_t record_bytes_max = 16 * 1024;
  // Plain bytes made into records before they are offered to the stream below. Two records are still in the
  // fast caches when the kernel copies them: 100 KB over HTTP/2 took 140 us with eight to a write, 117 with
  // four, 109 with two and 125 with one.
  static constexpr size_t batch_bytes_max = 2 * record_bytes_max;

  TlsRow row;                       // plain bytes on their way to handlers
  std::unique_ptr<char[]> staging;  // small slices gathered into one record
  std::string records;              // empty between calls
  BIO_METHOD* method = nullptr;
};

}  // namespace perigee::net

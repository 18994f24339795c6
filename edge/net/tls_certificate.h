// A certificate chain with its key, read from files' bytes and checked: that both can be read, that the key
// belongs to the certificate, that each certificate of the chain was issued by the next, that now is within
// the time of each, and that an OCSP response to be stapled speaks of it and was signed for its issuer. One
// whose time is over is no fault of the certificate: it is left out, and named.
//
// Holds bytes and facts, no object of OpenSSL: every worker makes its own objects from them, so that workers
// share no reference count.
//
// Thread rule: immutable once read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"

namespace perigee::net {

struct TlsCertificate {
  std::string chain_pem;  // the certificate first, then those that issued it
  std::string key_pem;
  std::string ocsp_der;   // empty: nothing is stapled
  WallTime ocsp_until{};  // and no longer than this: clients refuse a response that has ended
  std::string
      ocsp_left_out;  // why there is none though there was a file, "an OCSP response that ended on ..."
  std::vector<std::string> names;  // lower-case DNS names (also "*.example.org") and IP addresses it is for
  WallTime not_before{};
  WallTime not_after{};
  std::string key_type;  // "EC", "RSA", ...

  // RFC 9525 6.3: exact, or a wildcard for exactly one label. host: lower-case, without port and last dot.
  bool covers(std::string_view host) const;
};

// Which of the files is at fault.
enum class TlsFile : uint8_t { chain, key, ocsp };

struct TlsCertificateProblem {
  TlsFile file = TlsFile::chain;
  std::string found;     // "a certificate that expired on 2024-05-01"
  std::string expected;  // "a certificate that is valid now"
};

struct TlsCertificateBytes {
  std::string chain;
  std::string key;
  std::string ocsp;
};

// now: nullopt leaves times unjudged.
tl::expected<std::shared_ptr<const TlsCertificate>, TlsCertificateProblem> read_tls_certificate(
    TlsCertificateBytes bytes, std::optional<WallTime> now);

// Nothing when those in the text vouch for the certificate at that time, else what is wrong. Time: as above.
std::optional<std::string> check_trust(const TlsCertificate& certificate, std::string_view authorities_pem,
                                       std::optional<WallTime> now);

// Nothing when the text holds at least one certificate, else what it holds instead.
std::optional<std::string> check_certificate_authorities(std::string_view pem);

}  // namespace perigee::net

// Certificates and keys as PEM text (RFC 7468), and their place in a context. Internal to edge/net/tls*.
//
// Thread rule: pure functions, and the thread's own list of OpenSSL's errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"
#include "edge/net/tls_certificate.h"
#include "edge/net/tls_handles.h"

namespace perigee::net {

// All certificates of a text, none of an empty one. A file that is being written, or is damaged, is not taken
// for a shorter one: the error says which certificate cannot be read, and why.
tl::expected<std::vector<CertificateHandle>, std::string> read_certificates(std::string_view pem);

// Null without one that can be read; why is in the list of errors. A password is not asked for.
KeyHandle read_key(std::string_view pem);

// What a context shows: beside those of other kinds of key, in place of one of the same. False: the reason is
// in the list of errors.
bool use_certificate(SSL_CTX& context, const TlsCertificate& certificate);

}  // namespace perigee::net

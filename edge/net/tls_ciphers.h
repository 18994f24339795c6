// The ciphers of TLS 1.3, as OpenSSL's default provider has them, but for one question that is answered
// without comparing names.
//
// OpenSSL 3.0 asks a cipher for the length of its nonce twice with every record, by a name that the provider
// compares with all it knows: 1,480 of the 20,200 instructions of a hit over TLS. In TLS that length is 12
// bytes (RFC 8446 5.3, RFC 8439 2.8). So there is a provider of ours in the process that lends the default
// provider's functions and answers this itself; setting another length is refused (by a context's parameters,
// which is how OpenSSL does it).
//
// Thread rule: offer_tls_ciphers() before there are other threads; the rest any.
#pragma once

namespace perigee::net {

// For the whole process. False: the default provider is not there (a configuration of OpenSSL's says so), or
// is another than we know; then its ciphers are used as they are.
bool offer_tls_ciphers();

// By which contexts find these ciphers, and others where we have none: for SSL_CTX_new_ex(). Null: not
// offered.
const char* tls_cipher_properties();

}  // namespace perigee::net

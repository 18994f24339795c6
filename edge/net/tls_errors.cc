#include "edge/net/tls_errors.h"

#include <openssl/err.h>

namespace perigee::net {

std::string take_tls_reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return error == 0 || reason == nullptr ? "no reason given" : reason;
}

tl::unexpected<Error> context_failed(std::string_view what) {
  return fail(Side::internal, "tls_context", std::string(what) + ": " + take_tls_reason());
}

void forget_tls_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace perigee::net

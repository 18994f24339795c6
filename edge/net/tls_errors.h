// What OpenSSL says about the calls that failed last, as text for a person. Internal to edge/net/tls*.
//
// Thread rule: the calling thread's own errors.
#pragma once

#include <string>
#include <string_view>

#include "edge/base/result.h"

namespace perigee::net {

// The first reason in the thread's list, "key values mismatch"; "no reason given" without one. Empties the
// list.
std::string take_tls_reason();

// What could not be made part of a context, with that reason.
tl::unexpected<Error> context_failed(std::string_view what);

// Empties the list before a call whose outcome SSL_get_error is to explain. Cheap when it is empty already,
// as before nearly every record.
void forget_tls_errors();

}  // namespace perigee::net

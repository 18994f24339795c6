// One member of Proxy-Status (RFC 9209): what went wrong between this node and the next hop.
//
// Thread rule: pure functions; no allocation.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace perigee::http {

// X(enumerator = the error type's name in RFC 9209 2.3, status the RFC recommends for an answer made because
// of it)
#define PERIGEE_PROXY_ERRORS(X)              \
  X(dns_timeout, 504)                        \
  X(dns_error, 502)                          \
  X(destination_not_found, 500)              \
  X(destination_unavailable, 503)            \
  X(destination_ip_prohibited, 502)          \
  X(destination_ip_unroutable, 502)          \
  X(connection_refused, 502)                 \
  X(connection_terminated, 502)              \
  X(connection_timeout, 504)                 \
  X(connection_read_timeout, 504)            \
  X(connection_write_timeout, 504)           \
  X(connection_limit_reached, 503)           \
  X(tls_protocol_error, 502)                 \
  X(tls_certificate_error, 502)              \
  X(tls_alert_received, 502)                 \
  X(http_request_error, 400)                 \
  X(http_request_denied, 403)                \
  X(http_response_incomplete, 502)           \
  X(http_response_header_section_size, 502)  \
  X(http_response_header_size, 502)          \
  X(http_response_body_size, 502)            \
  X(http_response_trailer_section_size, 502) \
  X(http_response_trailer_size, 502)         \
  X(http_response_transfer_coding, 502)      \
  X(http_response_content_coding, 502)       \
  X(http_response_timeout, 504)              \
  X(http_upgrade_failed, 502)                \
  X(http_protocol_error, 502)                \
  X(proxy_internal_response, 500)            \
  X(proxy_internal_error, 500)               \
  X(proxy_configuration_error, 500)          \
  X(proxy_loop_detected, 502)

enum class ProxyError : uint8_t {
  none,
#define PERIGEE_PROXY_ERROR_ENUM(name, status) name,
  PERIGEE_PROXY_ERRORS(PERIGEE_PROXY_ERROR_ENUM)
#undef PERIGEE_PROXY_ERROR_ENUM
};

std::string_view to_string(ProxyError error);  // "" for none
// The error type of that name; none for all that RFC 9209 does not know.
ProxyError parse_proxy_error(std::string_view name);
// The status to answer with; 502 for none.
int recommended_status(ProxyError error);

struct ProxyStatus {
  std::string_view proxy = {};  // who speaks: written as a token if it is one, else as a string
  ProxyError error = ProxyError::none;
  std::string_view next_hop = {};  // name or address; empty: not told
  int received_status = 0;         // 0: none
  std::string_view details = {};   // for people; empty: none
};

inline constexpr size_t proxy_status_bytes = 256;

// A view of what was written into out. A parameter that does not fit is left out.
std::string_view write_proxy_status(const ProxyStatus& status, std::span<char> out);

}  // namespace perigee::http

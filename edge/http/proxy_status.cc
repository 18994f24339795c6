#include "edge/http/proxy_status.h"

#include "edge/http/member_writer.h"

namespace perigee::http {

std::string_view to_string(ProxyError error) {
  switch (error) {
    case ProxyError::none:
      return "";
#define PERIGEE_PROXY_ERROR_NAME(name, status) \
  case ProxyError::name:                       \
    return #name;
      PERIGEE_PROXY_ERRORS(PERIGEE_PROXY_ERROR_NAME)
#undef PERIGEE_PROXY_ERROR_NAME
  }
  return "";
}

ProxyError parse_proxy_error(std::string_view name) {
#define PERIGEE_PROXY_ERROR_PARSE(error, status) \
  if (name == #error) return ProxyError::error;
  PERIGEE_PROXY_ERRORS(PERIGEE_PROXY_ERROR_PARSE)
#undef PERIGEE_PROXY_ERROR_PARSE
  return ProxyError::none;
}

int recommended_status(ProxyError error) {
  switch (error) {
    case ProxyError::none:
      return 502;
#define PERIGEE_PROXY_ERROR_STATUS(name, status) \
  case ProxyError::name:                         \
    return status;
      PERIGEE_PROXY_ERRORS(PERIGEE_PROXY_ERROR_STATUS)
#undef PERIGEE_PROXY_ERROR_STATUS
  }
  return 502;
}

std::string_view write_proxy_status(const ProxyStatus& status, std::span<char> out) {
  MemberWriter writer(out);
  writer.name(status.proxy);
  if (status.error != ProxyError::none) writer.token("error", to_string(status.error));
  if (!status.next_hop.empty()) writer.token_or_string("next-hop", status.next_hop);
  if (status.received_status != 0) writer.integer("received-status", status.received_status);
  if (!status.details.empty()) writer.string("details", status.details);
  return writer.text();
}

}  // namespace perigee::http

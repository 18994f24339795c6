#include "edge/net/stream.h"

namespace perigee::net {

std::string_view to_string(StreamError error) {
  switch (error) {
    case StreamError::none:
      return "none";
    case StreamError::connection_refused:
      return "connection_refused";
    case StreamError::connection_reset:
      return "connection_reset";
    case StreamError::unreachable:
      return "unreachable";
    case StreamError::timed_out:
      return "timed_out";
    case StreamError::no_descriptors:
      return "no_descriptors";
    case StreamError::tls_failed:
      return "tls_failed";
    case StreamError::other:
      return "other";
  }
  return "other";
}

}  // namespace perigee::net

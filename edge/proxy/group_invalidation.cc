#include "edge/proxy/group_invalidation.h"

#include <utility>

#include "edge/cache/key.h"
#include "edge/http/cache_groups.h"

namespace perigee::proxy {

OriginGroups groups_to_invalidate(std::string_view key, http::Method method,
                                  const http::ResponseHead& response) {
  // RFC 9875 3: ignored on answers to safe methods.
  if (http::is_safe(method) || response.fields.find(http::cache_group_invalidation_field) == nullptr)
    return {};
  const size_t path_bytes = cache::key_parts(key).path.size();
  return {std::string(key.substr(0, key.size() - path_bytes)),
          http::parse_groups(response.fields, http::cache_group_invalidation_field)};
}

}  // namespace perigee::proxy

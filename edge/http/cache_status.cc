#include "edge/http/cache_status.h"

#include "edge/http/member_writer.h"

namespace perigee::http {

std::string_view write_cache_status(const CacheStatus& status, std::span<char> out) {
  MemberWriter writer(out);
  writer.name(status.cache);
  if (status.hit) writer.flag("hit");
  if (!status.fwd.empty()) writer.token("fwd", status.fwd);
  if (status.fwd_status != 0) writer.integer("fwd-status", status.fwd_status);
  if (status.ttl) writer.integer("ttl", *status.ttl);
  if (status.stored) writer.flag("stored");
  if (status.collapsed) writer.flag("collapsed");
  if (!status.key.empty()) writer.string("key", status.key);
  if (!status.detail.empty()) writer.token_or_string("detail", status.detail);
  return writer.text();
}

}  // namespace perigee::http

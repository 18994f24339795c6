// Cache-Group-Invalidation (RFC 9875 3): the answer to an unsafe request names groups of its own origin whose
// stored responses are out of date. They go into the cluster's log of purges as rules, so they hold on every
// node and for fetches that were under way. The client's answer waits for that, but never long.
//
// Thread rule: one worker's loop; GroupInvalidator says its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/message.h"
#include "edge/net/io.h"

namespace perigee::proxy {

// Of one origin: "https://example.org".
struct OriginGroups {
  std::string origin;
  std::vector<std::string> groups;  // none: nothing to do
};

// What an answer under this cache key invalidates: nothing for a safe method. An error may say so, too: RFC
// 9875 knows no status.
OriginGroups groups_to_invalidate(std::string_view key, http::Method method,
                                  const http::ResponseHead& response);

// Implemented by the node. Thread rule: called on the worker of that loop, where done is called, too: when no
// node that could be reached uses what was invalidated any more, or when the log could not take it (false).
class GroupInvalidator {
 public:
  using Done = std::function<void(bool ok)>;
  virtual ~GroupInvalidator() = default;
  virtual void invalidate_groups(OriginGroups groups, net::Loop& loop, Done done) = 0;
};

// Longer the client does not wait.
inline constexpr Duration group_wait_max = std::chrono::milliseconds(100);

}  // namespace perigee::proxy

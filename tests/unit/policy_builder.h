// Makes the inputs of caching decisions out of literals, so that a case is a line.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "edge/cache/policy.h"
#include "tests/unit/fields_of.h"

namespace perigee::test {

// 2024-06-07 12:00:00 GMT, a Friday: when responses arrive unless a case says otherwise.
inline constexpr std::string_view noon_text = "Fri, 07 Jun 2024 12:00:00 GMT";
inline const WallTime noon = wall_from_unix_seconds(1717761600);

inline WallTime after(int64_t seconds) { return noon + std::chrono::seconds(seconds); }

using Rows = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline http::RequestHead request_of(Rows fields, http::Method method = http::Method::get) {
  http::RequestHead head;
  head.method = method;
  head.fields = fields_of(fields);
  return head;
}

inline http::ResponseHead response_of(int status, Rows fields) {
  http::ResponseHead head;
  head.status = status;
  head.fields = fields_of(fields);
  return head;
}

inline cache::Storability judge(const http::RequestHead& request, const http::ResponseHead& response,
                                const cache::PolicyOptions& options = {}) {
  return cache::judge_response(request, cache::request_policy(request), response, noon, noon, options);
}
// A plain GET answered 200 with these fields.
inline cache::Storability judge(Rows fields, const cache::PolicyOptions& options = {}) {
  return judge(request_of({}), response_of(200, fields), options);
}

// What becomes of a request with these fields, `seconds` after a 200 with those fields arrived.
inline std::string_view decide(Rows request, Rows response, int64_t seconds,
                               const cache::PolicyOptions& options = {}) {
  const cache::ResponseMeta meta = judge(response, options).meta;
  const cache::RequestPolicy policy = cache::request_policy(request_of(request));
  return cache::to_string(cache::decide(policy, &meta, false, after(seconds), options).action);
}

}  // namespace perigee::test

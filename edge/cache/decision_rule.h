// Which rule decided what becomes of a request: the one that was asked last. For people (GET /explain), tests
// and logs; nothing is decided by it.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace perigee::cache {

// X(enumerator, where it is written, what it says), in the order in which decide() asks.
#define PERIGEE_DECISION_RULES(X)                                                                         \
  X(method, "RFC 9111 4", "only GET and HEAD without content are answered from the store")                \
  X(upgrade, "RFC 9110 7.8", "the request asks for an upgrade, which the site passes on")                 \
  X(disabled, "the configuration", "the site bypasses the cache here")                                    \
  X(nothing_stored, "RFC 9111 4", "nothing is stored under the key")                                      \
  X(other_variants, "RFC 9111 4.1", "what is stored was selected by other request fields")                \
  X(hit_for_miss, "site.cache.hit_for_miss", "answers to this URL were not storable, so nobody waits")    \
  X(request_no_cache, "RFC 9111 5.2.1.4", "the request wants it validated")                               \
  X(response_no_cache, "RFC 9111 5.2.2.4", "the response wants to be validated before every use")         \
  X(request_freshness, "RFC 9111 5.2.1", "the request wants it younger, or fresh for longer, than it is") \
  X(fresh, "RFC 9111 4.2", "it is fresh")                                                                 \
  X(must_revalidate, "RFC 9111 4.2.4", "must-revalidate, proxy-revalidate or s-maxage forbids stale use") \
  X(max_stale, "RFC 9111 5.2.1.2", "the request accepts it as stale as it is")                            \
  X(stale_while_revalidate, "RFC 5861 3", "it may be used while it is validated in the background")       \
  X(partial, "RFC 9111 3.4", "not all the bytes that the answer needs are stored")                        \
  X(origin_condition, "RFC 9111 4.3.2", "a condition that only the origin may judge does not hold here")  \
  X(purged, "docs/ARCHITECTURE.md", "a purge covers it, or nobody can tell whether one does")             \
  X(stale, "RFC 9111 4.2.4", "it is stale, and nothing permits to use it so")

enum class DecisionRule : uint8_t {
#define PERIGEE_DECISION_RULE_ENUM(name, source, text) name,
  PERIGEE_DECISION_RULES(PERIGEE_DECISION_RULE_ENUM)
#undef PERIGEE_DECISION_RULE_ENUM
};

struct RuleText {
  std::string_view name;    // "must_revalidate"
  std::string_view source;  // "RFC 9111 4.2.4"
  std::string_view text;
};
RuleText text_of(DecisionRule rule);

}  // namespace perigee::cache

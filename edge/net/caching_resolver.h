// Names kept for as long as their TTL says, for one loop. Everybody who connects upstream asks here.
//
// One question per name is under way at a time; all who ask meanwhile share its answer. A failure is kept
// too, briefly. Once an answer has expired it is still served for stale_max while a new one is fetched, so a
// slow or dead name server costs nothing as long as the addresses hold; only after that does a caller wait,
// or hear of the failure. At most entries_max names are kept; beyond that the one asked for longest ago goes.
//
// Owned by whoever uses the loop; must go before it. Requests must go before the resolver, or be silent after
// it: both are safe.
//
// It does not judge addresses: which of them work is the caller's business.
//
// Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/net/io.h"

namespace perigee::net {

struct CachingResolverOptions {
  Duration ttl_min = std::chrono::seconds(1);
  Duration ttl_max = std::chrono::minutes(5);
  Duration negative_ttl = std::chrono::seconds(5);
  Duration stale_max = std::chrono::seconds(30);
  size_t entries_max = 1024;
};

struct CachingResolverCounters {
  uint64_t hits = 0;      // answered from what is kept, failures included
  uint64_t stale = 0;     // of the hits: answered with what had expired
  uint64_t queries = 0;   // questions passed on
  uint64_t shared = 0;    // waited for a question already under way
  uint64_t failures = 0;  // questions that failed
  uint64_t evictions = 0;
};

class CachingResolver {
 public:
  explicit CachingResolver(Loop& loop, CachingResolverOptions options = {});
  ~CachingResolver();
  CachingResolver(const CachingResolver&) = delete;
  CachingResolver& operator=(const CachingResolver&) = delete;

  // As Loop::resolve(): the answer comes from the loop, never from inside this call, and destroying the
  // request cancels. The ttl of the answer is what is left of it, zero for a stale one. Names are compared
  // without regard to case.
  std::unique_ptr<ResolveRequest> resolve(std::string_view host, uint16_t port, ResolveHandler& handler);

  const CachingResolverCounters& counters() const { return counters_; }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry;
  class Waiter;

  Entry& find_or_make(std::string name);
  void ask(Entry& entry);
  void on_answer(Entry& entry, Result<Resolved> result);
  bool can_answer(const Entry& entry) const;
  Result<Resolved> answer(const Entry& entry, uint16_t port) const;
  void answer_later(const std::shared_ptr<Waiter>& waiter, Result<Resolved> result);
  void make_room();

  Loop& loop_;
  CachingResolverOptions options_;
  CachingResolverCounters counters_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
  std::list<Entry*> by_use_;  // the one asked for last comes first
};

}  // namespace perigee::net

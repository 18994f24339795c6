// What must hold in every simulation, whatever breaks; judged by what the origin knows (truth.h), not by what
// nodes say.
//
// Of every answer:
//   bytes       every byte is the right one of one version; what is complete by its framing is complete
//   freshness   no version is used longer after it was superseded than its lifetime and the windows for stale
//   use
//               allow; with no-cache and no-store never
//   unsafe      a node that acknowledged an unsafe request does not itself answer with what was before it; as
//               long as nothing was ever broken, no node of its region does
//   purge       after the receipt of a purge nothing is used that was asked for before it, and not confirmed
//               since; where the receipt says that a node has not got it, that node may, as long as it
//               believes its store
//   age         Age is no less than the time since the answer was last made or confirmed
//   status      an error of ours, a cut or a lost connection needs something that was broken; only an answer
//               whose first bytes have been sent is cut because the origin has something new; 304, 206, 412
//   and 416
//               need a request that asks for them
//   deadline    the head of the answer comes within the time a request may take
//   cache-status  says hit only if nobody was asked, and fwd with a status that the origin gave
//   path        who was asked by a node of another topology has asked no other node for it
// Of every request at the origin:
//   path        at most one arrow within the region and one into the shield's; no node twice; between nodes
//               of different topologies no second arrow; nothing that only peers may see
// At the end:
//   collapsing  without faults at most one plain GET at once for a variant and node whose answer is stored;
//   but
//               what was asked before a node's first word of the purge log need not be shared with later ones
//   rest        nothing is under way anywhere, and every node drains
//   peers       no node has refused another as no peer, or as looping; no error was logged
//
// Owned by the simulation. Thread rule: the world's one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/support/ask.h"
#include "tests/sim/support/cache_status.h"
#include "tests/sim/support/purges.h"
#include "tests/sim/support/scenario.h"
#include "tests/sim/support/sim_cluster.h"
#include "tests/sim/support/trouble.h"
#include "tests/sim/support/truth.h"

namespace perigee::sim {

struct Violation {
  std::string invariant;  // a word of the list above
  uint64_t request = 0;   // 0: of none
  std::string text;
};

class Invariants {
 public:
  Invariants(const Scenario& scenario, const Truth& truth, const Trouble& trouble, const Purges& purges,
             const SimCluster& cluster);

  void began(const Ask& ask, MonoTime now);
  void judge(const Outcome& outcome);
  // When everything is over.
  void judge_origin();

  void violate(std::string_view invariant, uint64_t request, std::string text);
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  struct Acknowledged {
    MonoTime sent{}, at{};
    uint64_t version = 0;
  };

  bool broken(const Outcome& outcome) const;
  void acknowledge(const Outcome& outcome);
  bool raced(const Outcome& outcome) const;
  void judge_end(const Outcome& outcome);
  void judge_cut(const Outcome& outcome);
  void judge_status(const Outcome& outcome);
  void judge_deadline(const Outcome& outcome);
  void judge_content(const Outcome& outcome);
  void judge_freshness(const Outcome& outcome, uint64_t version,
                       const std::vector<CacheStatusMember>& caches);
  void judge_unsafe(const Outcome& outcome, uint64_t version, const std::vector<CacheStatusMember>& caches);
  void judge_purges(const Outcome& outcome);
  void judge_age(const Outcome& outcome, uint64_t version);
  void judge_cache_status(const Outcome& outcome, const std::vector<CacheStatusMember>& caches);
  void judge_path(const OriginExchange& exchange);
  void judge_agreement(uint64_t request, const std::vector<std::string>& way, MonoTime until);
  void judge_collapsing();
  bool changed_since(size_t resource, MonoTime from, MonoTime now) const;

  const Scenario& scenario_;
  const Truth& truth_;
  const Trouble& trouble_;
  const Purges& purges_;
  const SimCluster& cluster_;
  std::map<std::pair<std::string, uint32_t>, std::vector<Acknowledged>>
      acknowledged_;  // by node and resource
  std::map<uint64_t, Ask> asks_;
  std::map<uint64_t, MonoTime> sent_;
  std::set<uint64_t> shareable_;  // requests whose answer was stored, and not known as hit-for-miss before
  std::map<uint64_t, MonoTime> ended_;
  std::vector<Violation> violations_;
};

}  // namespace perigee::sim

// Which runs of which representations are being fetched just now, so that no byte is fetched twice at once
// and disjoint runs do not wait for each other.
//
// A reader that wants bytes far beyond what a running fetch has brought does not wait for it: those are
// fetched twice in the end, the price of a seek.
//
// A representation is named by its key, selecting bytes and validator. Its runs are fills of the FillTable,
// each under a fill key of its own but for the first one, which is announced when its head is there. Entries
// of fills that have ended are dropped when they are met, and all of them now and then.
//
// Thread rule: any thread; one mutex, held while a fill is joined. Never on the path of a hit.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/base/clock.h"
#include "edge/cache/fill.h"
#include "edge/cache/sparse_body.h"

namespace perigee::cache {

class RunTable {
 public:
  explicit RunTable(FillTable& fills) : fills_(fills) {}

  struct Claim {
    std::shared_ptr<Fill>
        fill;             // null: a limit is reached, or the fill that has these bytes cannot be joined
    bool leader = false;  // this caller fetches `run`
    ByteRun run;          // of the fill; holds wanted.first, and may end before wanted.last
  };
  // Joins the fill that fetches wanted.first, or begins one for as much of `wanted` as nobody fetches.
  Claim claim(std::string_view representation, const ByteRun& wanted, WorkerFills& worker, Follower& follower,
              MonoTime started);
  // A fill made elsewhere turned out to bring this run: the first one of a representation, whose head told
  // what there is.
  void announce(std::string_view representation, const ByteRun& run, const std::shared_ptr<Fill>& fill);

 private:
  struct Entry {
    ByteRun run;
    std::weak_ptr<Fill> fill;
  };
  static bool is_running(const Entry& entry);
  bool can_be_joined(const Entry& entry) const;
  bool is_outdated(const Entry& entry, uint64_t primary_hash);
  void sweep();

  FillTable& fills_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Entry>> representations_;
  size_t sweep_at_ = 1024;
};

}  // namespace perigee::cache

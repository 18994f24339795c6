#include "bench/evict/offline.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

namespace perigee::evict {

namespace {

constexpr size_t never = std::numeric_limits<size_t>::max();

// For each request, the index of the next one for the same id and size; `never` when there is none.
std::vector<size_t> next_uses(const trace::Trace& trace) {
  std::vector<size_t> next(trace.requests.size(), never);
  std::vector<size_t> later(trace.ids(), never);
  for (size_t i = trace.requests.size(); i-- > 0;) {
    const trace::Request& request = trace.requests[i];
    const size_t candidate = later[request.id];
    if (candidate != never && trace.requests[candidate].size == request.size) next[i] = candidate;
    later[request.id] = i;
  }
  return next;
}

Ratio asked(const trace::Trace& trace) {
  Ratio ratio;
  for (const trace::Request& request : trace.requests) {
    ++ratio.requests;
    ratio.bytes += request.size;
  }
  return ratio;
}

class Belady {
 public:
  Belady(const trace::Trace& trace, uint64_t budget) : trace_(trace), budget_(budget), kept_(trace.ids()) {}

  // True on a hit.
  bool ask(const trace::Request& request, size_t now, size_t next) {
    Kept& mine = kept_[request.id];
    const bool hit = mine.bytes != 0 && mine.next == now;
    if (mine.bytes != 0) leave(mine);
    if (next == never) return hit;
    const uint64_t bytes = stored_bytes(trace_, request);
    if (!make_room(bytes, next)) return hit;
    mine = {next, bytes};
    used_ += bytes;
    order_.emplace(next, request.id);
    return hit;
  }

 private:
  struct Kept {
    size_t next = never;
    uint64_t bytes = 0;  // zero: not kept
  };
  void leave(Kept& kept) {
    used_ -= kept.bytes;
    kept = {};
  }
  bool make_room(uint64_t bytes, size_t next) {
    if (bytes > budget_) return false;
    while (used_ + bytes > budget_) {
      const auto [farthest, id] = order_.top();
      const bool gone = kept_[id].bytes == 0 || kept_[id].next != farthest;
      if (!gone && farthest < next) return false;
      order_.pop();
      if (!gone) leave(kept_[id]);
    }
    return true;
  }

  const trace::Trace& trace_;
  const uint64_t budget_;
  uint64_t used_ = 0;
  std::vector<Kept> kept_;
  std::priority_queue<std::pair<size_t, uint32_t>> order_;
};

}  // namespace

Ratio belady(const trace::Trace& trace, uint64_t budget_bytes) {
  const std::vector<size_t> next = next_uses(trace);
  Ratio ratio = asked(trace);
  Belady cache(trace, budget_bytes);
  for (size_t i = 0; i < next.size(); ++i) {
    if (!cache.ask(trace.requests[i], i, next[i])) continue;
    ++ratio.hits;
    ratio.hit_bytes += trace.requests[i].size;
  }
  return ratio;
}

Ratio bound(const trace::Trace& trace, uint64_t budget_bytes, Worth worth) {
  struct Hit {
    double cost_per_worth;
    double cost;
    uint64_t size;
  };
  const std::vector<size_t> next = next_uses(trace);
  std::vector<Hit> hits;
  for (size_t i = 0; i < next.size(); ++i) {
    if (next[i] == never) continue;
    const uint64_t bytes = stored_bytes(trace, trace.requests[i]);
    if (bytes > budget_bytes) continue;
    const uint64_t size = trace.requests[i].size;
    const double cost = static_cast<double>(bytes) * static_cast<double>(next[i] - i);
    const double value = worth == Worth::object ? 1 : static_cast<double>(std::max<uint64_t>(size, 1));
    hits.push_back({cost / value, cost, size});
  }
  std::sort(hits.begin(), hits.end(),
            [](const Hit& a, const Hit& b) { return a.cost_per_worth < b.cost_per_worth; });
  Ratio ratio = asked(trace);
  double left = static_cast<double>(budget_bytes) * static_cast<double>(trace.requests.size());
  for (const Hit& hit : hits) {
    // The one that fits in part counts in full: it stays a bound.
    ++ratio.hits;
    ratio.hit_bytes += hit.size;
    left -= hit.cost;
    if (left <= 0) break;
  }
  return ratio;
}

}  // namespace perigee::evict

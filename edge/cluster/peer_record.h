// A peer as one process knows it, whatever position it has in the topology just now: its identity, and
// figures that workers and the control loop note about it for GET /topology.
//
// A node is its name. The PeerBook gives every name an id, small and never given to another, so that what is
// noted or reported about a peer is about that peer also when a reload has moved or removed others.
//
// Ownership: the Node's book and every snapshot share the records. Thread rule: the book belongs to the
// control loop; of a record, id and name are immutable and the figures relaxed atomics that anybody may
// write.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace perigee::cluster {

using PeerId = uint32_t;

struct PeerRecord {
  PeerRecord(PeerId its_id, std::string_view its_name) : id(its_id), name(its_name) {}

  const PeerId id;
  const std::string name;

  std::atomic<uint32_t> in_flight{0};   // as it last said
  std::atomic<bool> disagrees{false};   // its last answer named another membership digest
  std::atomic<int64_t> p95_us{0};       // of its first sign of life, as some worker sees it; 0: not known
  std::atomic<uint64_t> requests{0};    // sent to it
  std::atomic<uint64_t> failed{0};      // of what the control loop has heard of; see PeerOutcome
  std::atomic<uint64_t> hedges{0};      // sent because it was late
  std::atomic<uint64_t> hedges_won{0};  // of these, answered first
  std::atomic<uint64_t> load_skips{0};  // requests for its keys that went to the next owner
  std::atomic<uint64_t> probes_failed{0};
  std::atomic<int64_t> probe_us{-1};  // how long the last probe took; -1: none, or it failed
};

class PeerBook {
 public:
  std::shared_ptr<PeerRecord> of(std::string_view name) {
    for (const auto& record : records_) {
      if (record->name == name) return record;
    }
    return records_.emplace_back(std::make_shared<PeerRecord>(static_cast<PeerId>(records_.size()), name));
  }

 private:
  std::vector<std::shared_ptr<PeerRecord>> records_;  // by id
};

}  // namespace perigee::cluster

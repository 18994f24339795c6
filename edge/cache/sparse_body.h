// Some runs of bytes of a representation whose length is known, all under one validator: what has been
// fetched of it so far (RFC 9111 3.3, 3.4).
//
// Immutable. A run that arrives makes a new SparseBody that shares the runs of the one before; so readers
// need no lock, and a store can weigh what it holds.
//
// Thread rule: any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edge/cache/body.h"
#include "edge/cache/budget.h"

namespace perigee::cache {

// Consecutive bytes of a representation; last counts.
struct ByteRun {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t length() const { return last - first + 1; }
  bool contains(uint64_t offset) const { return offset >= first && offset <= last; }
  bool operator==(const ByteRun&) const = default;
};

// A body that holds one run, and where it belongs.
struct RunOf {
  uint64_t first = 0;            // of the body's bytes, in the representation
  uint64_t complete_length = 0;  // of the representation
  std::string validator;         // strong; empty: the run cannot be combined with others
};

class SparseBody final : public Body {
 public:
  // Runs of one representation kept at most; one that would make more is not added.
  static constexpr size_t runs_max = 1024;

  // What `before` holds (null: nothing) together with the run, which is as long as `bytes` is now. Nothing of
  // another validator or length is taken over, nor anything without validator. Null when there are too many
  // runs.
  static std::shared_ptr<const SparseBody> combine(Budget& budget, const SparseBody* before, const RunOf& run,
                                                   std::shared_ptr<const Body> bytes);
  ~SparseBody() override;

  Read read(uint64_t offset) const override;
  uint64_t length() const override { return length_; }
  uint64_t resident() const override { return resident_; }
  bool settled() const override { return true; }
  bool whole() const override { return resident_ == length_; }

  const std::string& validator() const { return validator_; }
  // The first bytes within `wanted` that are not here, up to the next that are; nullopt when all are.
  std::optional<ByteRun> missing(const ByteRun& wanted) const;

 private:
  struct Piece {
    ByteRun run;
    uint64_t skip = 0;  // of the bytes, before the run begins
    std::shared_ptr<const Body> bytes;
  };

  SparseBody(Budget& budget, const RunOf& run, std::vector<Piece> pieces);

  Budget& budget_;
  const uint64_t length_;
  const std::string validator_;
  const std::vector<Piece> pieces_;  // in order, none overlapping
  uint64_t resident_ = 0;
};

}  // namespace perigee::cache

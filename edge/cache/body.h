// The bytes of one representation, in immutable blocks, readable while they still arrive.
//
// A Body is shared (std::shared_ptr) by the fill that writes it, the stored responses that keep it and everybody who
// reads it. One writer appends; any number of readers on any thread read what is published. A published byte never
// changes. Blocks are 64 KiB; the last may be smaller. Blocks are charged to the store's budget for as long as they
// live, pinned or not.
//
// A body is growing, complete or failed. In window mode (trim()) blocks behind a position are gone: readers there get `absent`. Later, sparse
// bodies have absent blocks too, so callers treat `absent` as "ask again upstream with a Range", never as an error of ours.
//
// Thread rule: append, finish, fail, trim on the writer's thread; the rest anywhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "edge/base/bytes.h"
#include "edge/cache/budget.h"

namespace perigee::cache {

inline constexpr size_t block_bytes = 64 * 1024;

// One run of immutable bytes; freed, and its charge returned, with the last reference.
class Block;
using BlockRef = std::shared_ptr<const Block>;

class Body {
 public:
  // expected: the length announced, if any; a body that ends short of it or goes beyond it fails.
  Body(Budget& budget, std::optional<uint64_t> expected);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  enum class ReadState : uint8_t { bytes, wait, end, absent, failed };
  struct Read {
    ReadState state = ReadState::wait;
    std::string_view bytes;  // state bytes: a run starting at the offset asked for, within one block
    BlockRef block;          // keeps them alive
  };
  Read read(uint64_t offset) const;

  void append(std::string_view bytes);
  // The message ended in order. False, and the body is failed, when that contradicts the announced length.
  bool finish();
  void fail();
  // Drops whole blocks that end at or before offset.
  void trim(uint64_t offset);

  std::optional<uint64_t> expected_length() const { return expected_; }
  uint64_t published() const { return published_.load(std::memory_order_acquire); }
  bool complete() const;
  bool failed() const;
  // True when every byte from 0 is still here.
  bool whole() const;

 private:
  enum class State : uint8_t { growing, complete, failed };
  struct Tail;  // the writer's unfinished block

  Budget& budget_;
  const std::optional<uint64_t> expected_;
  std::atomic<uint64_t> published_{0};
  std::atomic<State> state_{State::growing};
  mutable std::mutex mutex_;  // guards blocks_ and first_block_; readers hold it for one look-up of a block, never on a small-hit path
  std::deque<std::shared_ptr<Block>> blocks_;
  uint64_t first_block_ = 0;  // index of blocks_.front() in the representation
};

}  // namespace perigee::cache

// A body that one writer appends to, readable while it still arrives.
//
// A published byte never changes. Blocks are charged to the store's budget for as long as they live, pinned
// or not; the budget outlives them.
//
// Blocks hold 64 KiB, in pages (BlockMemory) unless the whole is to be small or is not to be kept. With an
// announced length the last is as small as it may be; without one the first 64 KiB come as 4, 12 and 48 KiB,
// so that a thousand small bodies at once stay small, and finish() copies a mostly empty last block into one
// that fits (a reader that still holds the old one reads the same bytes there).
//
// A body is growing, complete or failed. In window mode (trim()) blocks behind a position are gone: readers
// there get `absent`.
//
// Thread rule: append, finish, fail, trim on the writer's thread; the rest anywhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "edge/cache/body.h"
#include "edge/cache/budget.h"

namespace perigee::cache {

class GrowingBody final : public Body {
 public:
  // expected: the length announced, if any; a body that ends short of it or goes beyond it fails.
  // to_be_kept: blocks of what is not to be stored come from the heap, which has them at hand again when they
  // are freed.
  GrowingBody(Budget& budget, std::optional<uint64_t> expected, bool to_be_kept = true);
  ~GrowingBody() override;

  // What was published before a failure stays readable; `failed` comes where more would have come.
  Read read(uint64_t offset) const override;
  size_t pieces(std::span<Slice> out) const override;
  uint64_t length() const override { return published(); }
  uint64_t resident() const override { return published(); }
  bool settled() const override { return complete() && whole(); }

  // Ignored once the body has ended. Bytes beyond the announced length fail the body.
  void append(std::string_view bytes);
  // The message ended in order. False, and the body is failed, when that contradicts the announced length.
  bool finish();
  void fail();
  // Drops whole blocks that end at or before offset.
  void trim(uint64_t offset);

  std::optional<uint64_t> expected_length() const { return expected_; }
  uint64_t published() const { return published_.load(std::memory_order_acquire); }
  bool complete() const { return state_.load(std::memory_order_acquire) == State::complete; }
  bool failed() const { return state_.load(std::memory_order_acquire) == State::failed; }
  // True when every byte from 0 is still here.
  bool whole() const override;

 private:
  enum class State : uint8_t { growing, complete, failed };

  size_t block_index(uint64_t offset) const;
  uint64_t block_begin(size_t index) const;
  // The writer's block for the next byte, allocated when there is none.
  Block& tail();
  std::shared_ptr<Block> make_block(size_t index, size_t capacity);
  void shrink_tail();

  Budget& budget_;
  const std::optional<uint64_t> expected_;
  const bool to_be_kept_;
  std::atomic<uint64_t> published_{0};
  std::atomic<State> state_{State::growing};
  // Guards blocks_ and first_block_; held for one look-up, never on the path of a small hit.
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Block>> blocks_;
  size_t first_block_ = 0;   // index of blocks_.front() in the representation
  Block* tail_ = nullptr;    // the writer's: the last block, while it has room
  uint64_t tail_begin_ = 0;  // the writer's: offset of its first byte
};

}  // namespace perigee::cache

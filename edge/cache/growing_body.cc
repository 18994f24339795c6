#include "edge/cache/growing_body.h"

#include <algorithm>
#include <cstring>

namespace perigee::cache {

class Block {
 public:
  // In pages, if there are any. behind: a block that this one is to follow, or null; ahead: how many more
  // will.
  static std::shared_ptr<Block> in_pages(Budget& budget, size_t capacity, Block* behind, size_t ahead) {
    BlockMemory* pages = budget.blocks();
    char* bytes = nullptr;
    if (pages != nullptr) {
      bytes = pages->take(capacity, behind != nullptr && behind->pages_ ? behind->bytes_ : nullptr, ahead);
    }
    if (bytes == nullptr) return on_heap(budget, capacity);
    return std::make_shared<Block>(budget, capacity, bytes, pages);
  }
  // Where that one is.
  static std::shared_ptr<Block> in_place_of(Budget& budget, const Block& other, size_t capacity) {
    return other.pages_ != nullptr ? in_pages(budget, capacity, nullptr, 0) : on_heap(budget, capacity);
  }
  static std::shared_ptr<Block> on_heap(Budget& budget, size_t capacity) {
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    return std::make_shared<Block>(budget, capacity, bytes.release(), nullptr);
  }

  // Owns the bytes.
  Block(Budget& budget, size_t capacity, char* bytes, BlockMemory* pages)
      : budget_(budget), capacity_(capacity), bytes_(bytes), pages_(pages) {
    budget_.charge(charge());
  }
  ~Block() {
    budget_.release(charge());
    if (pages_ != nullptr) {
      pages_->give_back(bytes_);
    } else {
      delete[] bytes_;
    }
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  size_t capacity() const { return capacity_; }
  char* bytes() { return bytes_; }

 private:
  // The bytes, this object with its shared counts, and the place in the body's list.
  size_t charge() const {
    const size_t bytes = pages_ != nullptr ? pages_->allocated_bytes(capacity_) : allocated_bytes(capacity_);
    return bytes + allocated_bytes(sizeof(Block) + 16) + sizeof(std::shared_ptr<Block>);
  }

  Budget& budget_;
  const size_t capacity_;
  char* const bytes_;
  BlockMemory* const pages_;  // null: bytes_ is on the heap
};

namespace {

// Without an announced length the first 64 KiB are cut here.
constexpr uint64_t first_cut = 4 * 1024;
constexpr uint64_t second_cut = 16 * 1024;
constexpr size_t leading_blocks = 3;
// What a last block may waste before it is copied into a fitting one.
constexpr size_t tail_waste_max = 4 * 1024;

constexpr size_t body_charge = allocated_bytes(sizeof(GrowingBody) + 16);

}  // namespace

GrowingBody::GrowingBody(Budget& budget, std::optional<uint64_t> expected, bool to_be_kept)
    : budget_(budget), expected_(expected), to_be_kept_(to_be_kept) {
  budget_.charge(body_charge);
}

GrowingBody::~GrowingBody() { budget_.release(body_charge); }

size_t GrowingBody::block_index(uint64_t offset) const {
  if (expected_) return offset / block_bytes;
  if (offset < first_cut) return 0;
  if (offset < second_cut) return 1;
  return leading_blocks - 1 + offset / block_bytes;
}

uint64_t GrowingBody::block_begin(size_t index) const {
  if (expected_) return uint64_t{index} * block_bytes;
  if (index == 0) return 0;
  if (index == 1) return first_cut;
  if (index == 2) return second_cut;
  return uint64_t{index - (leading_blocks - 1)} * block_bytes;
}

Body::Read GrowingBody::read(uint64_t offset) const {
  // The state first: an end that is seen has all its bytes published.
  const State state = state_.load(std::memory_order_acquire);
  const uint64_t published = published_.load(std::memory_order_acquire);
  Read result;
  if (offset >= published) {
    result.state = state == State::growing    ? ReadState::wait
                   : state == State::complete ? ReadState::end
                                              : ReadState::failed;
    return result;
  }
  const size_t index = block_index(offset);
  const std::lock_guard lock(mutex_);
  if (index < first_block_) {
    result.state = ReadState::absent;
    return result;
  }
  const std::shared_ptr<Block>& block = blocks_[index - first_block_];
  const uint64_t begin = block_begin(index);
  const uint64_t end = std::min(block_begin(index + 1), published);
  result.state = ReadState::bytes;
  result.bytes = {block->bytes() + (offset - begin), static_cast<size_t>(end - offset)};
  result.block = block;
  return result;
}

// What is complete gets no further blocks; it loses some only while it is not stored.
size_t GrowingBody::pieces(std::span<Slice> out) const {
  if (!complete()) return 0;
  const uint64_t length = published();
  const std::lock_guard lock(mutex_);
  if (first_block_ != 0 || blocks_.size() > out.size()) return 0;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const uint64_t begin = block_begin(i);
    out[i] = {blocks_[i]->bytes(), static_cast<size_t>(std::min(block_begin(i + 1), length) - begin)};
  }
  return blocks_.size();
}

Block& GrowingBody::tail() {
  const uint64_t at = published_.load(std::memory_order_relaxed);
  if (tail_ != nullptr && at < tail_begin_ + tail_->capacity()) return *tail_;
  const size_t index = block_index(at);
  tail_begin_ = block_begin(index);
  uint64_t capacity = block_begin(index + 1) - tail_begin_;
  if (expected_) capacity = std::min(capacity, *expected_ - tail_begin_);
  std::shared_ptr<Block> block = make_block(index, static_cast<size_t>(capacity));
  tail_ = block.get();
  const std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
  return *tail_;
}

// What will be small when it is stored, or is not to be, is not put into pages.
std::shared_ptr<Block> GrowingBody::make_block(size_t index, size_t capacity) {
  const uint64_t least = expected_ ? *expected_ : block_begin(index) + 1;
  if (!to_be_kept_ || least <= budget_.small_body_max()) return Block::on_heap(budget_, capacity);
  // The next megabyte, of a length that is known.
  constexpr uint64_t ahead_max = 15;
  const uint64_t more = expected_ ? (*expected_ - block_begin(index) - 1) / block_bytes : 0;
  return Block::in_pages(budget_, capacity, blocks_.empty() ? nullptr : blocks_.back().get(),
                         static_cast<size_t>(std::min(more, ahead_max)));
}

void GrowingBody::append(std::string_view bytes) {
  if (state_.load(std::memory_order_relaxed) != State::growing) return;
  uint64_t at = published_.load(std::memory_order_relaxed);
  if (expected_ && bytes.size() > *expected_ - at) return fail();
  while (!bytes.empty()) {
    Block& block = tail();
    const size_t used = static_cast<size_t>(at - tail_begin_);
    const size_t run = std::min(bytes.size(), block.capacity() - used);
    std::memcpy(block.bytes() + used, bytes.data(), run);
    bytes.remove_prefix(run);
    at += run;
    published_.store(at, std::memory_order_release);
  }
}

bool GrowingBody::finish() {
  if (state_.load(std::memory_order_relaxed) != State::growing) return complete();
  if (expected_ && *expected_ != published_.load(std::memory_order_relaxed)) {
    fail();
    return false;
  }
  shrink_tail();
  state_.store(State::complete, std::memory_order_release);
  return true;
}

void GrowingBody::shrink_tail() {
  if (tail_ == nullptr) return;
  const size_t used = static_cast<size_t>(published_.load(std::memory_order_relaxed) - tail_begin_);
  if (tail_->capacity() - used <= tail_waste_max) return;
  // Holds the old block when it goes: after the lock.
  std::shared_ptr<Block> fitting = Block::in_place_of(budget_, *tail_, used);
  std::memcpy(fitting->bytes(), tail_->bytes(), used);
  tail_ = nullptr;
  const std::lock_guard lock(mutex_);
  if (!blocks_.empty()) blocks_.back().swap(fitting);
}

void GrowingBody::fail() {
  if (state_.load(std::memory_order_relaxed) == State::growing) {
    state_.store(State::failed, std::memory_order_release);
  }
}

void GrowingBody::trim(uint64_t offset) {
  offset = std::min(offset, published_.load(std::memory_order_relaxed));
  // What is dropped is freed after the lock: it may be the last reference to many blocks.
  std::vector<std::shared_ptr<Block>> dropped;
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  while (count < blocks_.size() && block_begin(first_block_ + count + 1) <= offset) ++count;
  if (count == 0) return;
  dropped.assign(std::make_move_iterator(blocks_.begin()), std::make_move_iterator(blocks_.begin() + count));
  blocks_.erase(blocks_.begin(), blocks_.begin() + count);
  first_block_ += count;
  if (blocks_.empty()) tail_ = nullptr;
}

bool GrowingBody::whole() const {
  const std::lock_guard lock(mutex_);
  return first_block_ == 0;
}

}  // namespace perigee::cache

// The bytes of one representation, as whoever reads them sees them: blocks that are here, that are still to
// arrive, or that nobody has.
//
// There are two: GrowingBody, which one writer fills from the start on, and SparseBody, some runs of bytes of
// a representation of known length. Callers treat `absent` as "ask upstream with a Range", never as an error
// of ours.
//
// Shared (std::shared_ptr) by the fill that writes it, the stored responses that keep it and everybody who
// reads it. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "edge/base/block_memory.h"
#include "edge/base/bytes.h"

namespace perigee::cache {

inline constexpr size_t block_bytes = BlockMemory::block_bytes_max;

// One run of immutable bytes; freed, and its charge returned, with the last reference.
class Block;
using BlockRef = std::shared_ptr<const Block>;

class Body {
 public:
  virtual ~Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  enum class ReadState : uint8_t { bytes, wait, end, absent, failed };
  struct Read {
    ReadState state = ReadState::wait;
    std::string_view bytes;  // state bytes: a run starting at the offset asked for, within one block
    BlockRef block;          // keeps them alive
  };
  virtual Read read(uint64_t offset) const = 0;
  // All bytes at once, when the body is settled, whole, and in no more pieces than there is room for: how
  // many. They live as long as the body. 0: read() them.
  virtual size_t pieces(std::span<Slice> out) const {
    static_cast<void>(out);
    return 0;
  }

  // Of the representation, as far as it is known: what has arrived of one that grows.
  virtual uint64_t length() const = 0;
  // Bytes held here.
  virtual uint64_t resident() const = 0;
  // It is as it will remain, and may be stored; every byte of it from 0 to length() is here, if whole too.
  virtual bool settled() const = 0;
  virtual bool whole() const = 0;

 protected:
  Body() = default;
};

}  // namespace perigee::cache

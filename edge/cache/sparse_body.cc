#include "edge/cache/sparse_body.h"

#include <algorithm>
#include <utility>

namespace perigee::cache {

std::shared_ptr<const SparseBody> SparseBody::combine(Budget& budget, const SparseBody* before,
                                                      const RunOf& run, std::shared_ptr<const Body> bytes) {
  if (bytes->length() == 0 || run.first + bytes->length() > run.complete_length) return nullptr;
  Piece fresh{{run.first, run.first + bytes->length() - 1}, 0, std::move(bytes)};
  std::vector<Piece> pieces;
  const bool same = before != nullptr && !run.validator.empty() && before->validator_ == run.validator &&
                    before->length_ == run.complete_length;
  bool placed = false;
  for (const Piece& piece : same ? before->pieces_ : std::vector<Piece>()) {
    if (piece.run.first >= fresh.run.first && piece.run.last <= fresh.run.last) continue;
    if (piece.run.first > fresh.run.last && !placed) {
      pieces.push_back(fresh);
      placed = true;
    }
    // What is here already stays; the fresh run gives way at its ends.
    if (piece.run.contains(fresh.run.first)) {
      const uint64_t cut = piece.run.last + 1 - fresh.run.first;
      if (cut >= fresh.run.length()) return nullptr;
      fresh.run.first += cut;
      fresh.skip += cut;
    } else if (piece.run.contains(fresh.run.last)) {
      fresh.run.last = piece.run.first - 1;
      pieces.push_back(fresh);
      placed = true;
    }
    pieces.push_back(piece);
  }
  if (!placed) pieces.push_back(std::move(fresh));
  if (pieces.size() > runs_max) return nullptr;
  return std::shared_ptr<const SparseBody>(new SparseBody(budget, run, std::move(pieces)));
}

SparseBody::SparseBody(Budget& budget, const RunOf& run, std::vector<Piece> pieces)
    : budget_(budget), length_(run.complete_length), validator_(run.validator), pieces_(std::move(pieces)) {
  for (const Piece& piece : pieces_) resident_ += piece.run.length();
  budget_.charge(allocated_bytes(sizeof(SparseBody)) + allocated_bytes(pieces_.capacity() * sizeof(Piece)));
}

SparseBody::~SparseBody() {
  budget_.release(allocated_bytes(sizeof(SparseBody)) + allocated_bytes(pieces_.capacity() * sizeof(Piece)));
}

Body::Read SparseBody::read(uint64_t offset) const {
  Read result;
  result.state = offset >= length_ ? ReadState::end : ReadState::absent;
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                                      [](uint64_t at, const Piece& piece) { return at < piece.run.first; });
  if (after == pieces_.begin()) return result;
  const Piece& piece = *std::prev(after);
  if (!piece.run.contains(offset)) return result;
  result = piece.bytes->read(offset - piece.run.first + piece.skip);
  if (result.state != ReadState::bytes) {
    result.state = ReadState::absent;
    return result;
  }
  result.bytes = result.bytes.substr(0, std::min<uint64_t>(result.bytes.size(), piece.run.last - offset + 1));
  return result;
}

std::optional<ByteRun> SparseBody::missing(const ByteRun& wanted) const {
  uint64_t at = wanted.first;
  for (const Piece& piece : pieces_) {
    if (piece.run.last < at) continue;
    if (piece.run.first > at) return ByteRun{at, std::min(wanted.last, piece.run.first - 1)};
    at = piece.run.last + 1;
    if (at > wanted.last) return std::nullopt;
  }
  if (at > wanted.last) return std::nullopt;
  return ByteRun{at, wanted.last};
}

}  // namespace perigee::cache

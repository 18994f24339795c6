#include "edge/cache/reader.h"

#include <algorithm>

#include "edge/cache/store_core.h"

namespace perigee::cache {

Reader::Reader(StoreCore& core) : index_(core.index()), core_(core), touches_(core.wants_touches()) {
  core_.limbo().add_reader(presence_);
}

void Reader::begin_turn() {
  if (in_turn_) return;
  core_.limbo().turn_begin(presence_);
  in_turn_ = true;
}

Lookup Reader::lookup(const KeyView& key, const http::FieldList& request) {
  const Lookup found = peek(key, request);
  if (found.response != nullptr) count_hit(key.hash, *found.response);
  return found;
}

Lookup Reader::peek(const KeyView& key, const http::FieldList& request) {
  begin_turn();
  const uint32_t low = Index::low_half(key.hash);
  const StoredResponse* marker = nullptr;
  Lookup result;
  for (const StoredResponse* at = index_.bucket(key.hash).load(std::memory_order_seq_cst); at != nullptr;
       at = at->next_.load(std::memory_order_seq_cst)) {
    if (at->hash_ != low || at->key() != key.bytes) continue;
    if (at->is_marker()) {
      marker = at;
    } else if (!at->flag(StoredResponse::varies) || selects(at->selecting(), request)) {
      const PurgeVerdict verdict = judge(*at);
      if (verdict == PurgeVerdict::gone) continue;
      return {Lookup::State::hit, at, verdict, false};
    } else {
      result.other_variants = true;
    }
  }
  if (marker != nullptr) return {Lookup::State::hit, marker, PurgeVerdict::kept, result.other_variants};
  return result;
}

std::vector<const StoredResponse*> Reader::all(const KeyView& key) {
  begin_turn();
  const uint32_t low = Index::low_half(key.hash);
  std::vector<const StoredResponse*> found;
  for (const StoredResponse* at = index_.bucket(key.hash).load(std::memory_order_seq_cst); at != nullptr;
       at = at->next_.load(std::memory_order_seq_cst)) {
    if (at->hash_ == low && at->key() == key.bytes) found.push_back(at);
  }
  return found;
}

// A hit between purges costs one comparison; the first one after a purge compares, and remembers.
PurgeVerdict Reader::judge(const StoredResponse& response) const {
  if (purges_ == nullptr) return PurgeVerdict::kept;
  PurgeVerdict verdict = PurgeVerdict::kept;
  if (response.purge_stamp() != purges_->position() || response.flag(StoredResponse::softly_purged)) {
    verdict = response.judge(*purges_);
    if (verdict == PurgeVerdict::kept && is_older(response.purge_stamp(), purges_->position())) {
      response.set_purge_stamp(purges_->position());
    }
  }
  return purges_->verified() ? verdict : std::max(verdict, PurgeVerdict::unverified);
}

void Reader::count_hit(uint64_t hash, const StoredResponse& response) {
  const uint8_t hits = response.hits();
  if (hits < hits_max) response.set_hits(static_cast<uint8_t>(hits + 1));
  if (touches_) core_.touched(hash, response);
}

void Reader::pin(const StoredResponse& response) { presence_.pins.pin(&response); }

void Reader::unpin(const StoredResponse& response) {
  if (presence_.pins.unpin(&response)) core_.limbo().release(const_cast<StoredResponse*>(&response));
}

void Reader::turn_end() {
  if (!in_turn_) return;
  in_turn_ = false;
  if (core_.limbo().turn_end(presence_)) core_.settle();
}

}  // namespace perigee::cache

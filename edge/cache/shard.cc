#include "edge/cache/shard.h"

#include <algorithm>

#include "edge/cache/store.h"

namespace perigee::cache {

namespace {

bool same_key(uint32_t hash, std::string_view key, uint32_t other_hash, std::string_view other_key) {
  return hash == other_hash && key == other_key;
}

}  // namespace

Shard::Shard(const Index& index, unsigned number, Budget& budget, EvictionKind eviction,
             uint64_t fullness_most)
    : index_(index),
      number_(number),
      budget_(budget),
      fullness_most_(fullness_most),
      eviction_(make_eviction(eviction)) {
  recharge();
}

Shard::~Shard() {
  for (uint32_t i = 0; i < index_.per_shard; ++i) {
    StoredResponse* response = index_.links[uint64_t{number_} * index_.per_shard + i].load();
    while (response != nullptr) {
      StoredResponse* next = response->next_.load(std::memory_order_relaxed);
      StoredResponse::destroy(budget_, response);
      response = next;
    }
  }
  budget_.release(charged_);
}

uint64_t Shard::fullness_of(const StoredResponse& response) const {
  return std::min(response.weight(), fullness_most_);
}

void Shard::link(StoredResponse* fresh) {
  Index::Link& head = bucket(fresh->hash_);
  fresh->next_.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(fresh, std::memory_order_seq_cst);
  responses_.store(responses() + 1, std::memory_order_relaxed);
  fullness_.store(fullness() + fullness_of(*fresh), std::memory_order_relaxed);
}

void Shard::unlink(StoredResponse* response, Unlinked& unlinked) {
  Index::Link* at = &bucket(response->hash_);
  while (at->load(std::memory_order_relaxed) != response) at = &at->load(std::memory_order_relaxed)->next_;
  at->store(response->next_.load(std::memory_order_relaxed), std::memory_order_seq_cst);
  responses_.store(responses() - 1, std::memory_order_relaxed);
  fullness_.store(fullness() - fullness_of(*response), std::memory_order_relaxed);
  // A body that somebody else holds too is not freed with the response.
  const bool frees_body = response->has_small_body() || (!response->meta().is(ResponseMeta::partial) &&
                                                         response->large_body().use_count() == 1);
  unlinked.add(response, frees_body ? response->weight() : allocated_bytes(response->size()));
}

void Shard::remove(StoredResponse* response, Unlinked& unlinked) {
  const uint8_t queue = response->queue();
  const uint64_t weight = response->weight();
  unlink(response, unlinked);
  eviction_->removed(response->hash_, queue, weight, *this);
}

// A marker takes the place of a marker alone. RFC 9111 4.1: what an origin sent without Vary is not to be
// chosen any more when it has sent something with it.
bool Shard::takes_place_of(const StoredResponse& fresh, const StoredResponse& old) {
  if (old.is_marker()) return true;
  if (fresh.is_marker()) return false;
  return old.selecting() == fresh.selecting() || old.selecting().empty();
}

StoredResponse* Shard::supersede(const StoredResponse& fresh, Unlinked& unlinked) {
  StoredResponse* heir_of = nullptr;
  StoredResponse* next = nullptr;
  for (StoredResponse* at = bucket(fresh.hash_).load(); at != nullptr; at = next) {
    next = at->next_.load(std::memory_order_relaxed);
    if (!same_key(at->hash_, at->key(), fresh.hash_, fresh.key())) continue;
    if (!takes_place_of(fresh, *at)) continue;
    if (heir_of == nullptr) {
      heir_of = at;
    } else {
      remove(at, unlinked);
    }
  }
  return heir_of;
}

void Shard::drop_oldest_variant(const StoredResponse& fresh, Unlinked& unlinked) {
  size_t variants = 0;
  StoredResponse* last = nullptr;
  for (StoredResponse* at = bucket(fresh.hash_).load(); at != nullptr; at = at->next_.load()) {
    if (!same_key(at->hash_, at->key(), fresh.hash_, fresh.key())) continue;
    ++variants;
    last = at;
  }
  if (variants > variants_max) remove(last, unlinked);
}

void Shard::insert(StoredResponse* fresh, Unlinked& unlinked) {
  const std::lock_guard lock(mutex_);
  insert_locked(fresh, unlinked);
}

bool Shard::insert_over(const Held& before, StoredResponse* fresh, Unlinked& unlinked) {
  const std::lock_guard lock(mutex_);
  const Held now = held_locked(fresh->hash_, fresh->key(), fresh->selecting());
  if (now.whole != before.whole || now.partial != before.partial || now.body != before.body) return false;
  insert_locked(fresh, unlinked);
  return true;
}

Shard::Held Shard::held(const KeyView& key, std::string_view selecting) {
  const std::lock_guard lock(mutex_);
  return held_locked(Index::low_half(key.hash), key.bytes, selecting);
}

Shard::Held Shard::held_locked(uint32_t low, std::string_view key, std::string_view selecting) const {
  for (const StoredResponse* at = bucket(low).load(); at != nullptr; at = at->next_.load()) {
    if (!same_key(at->hash_, at->key(), low, key) || at->is_marker() || at->selecting() != selecting)
      continue;
    const bool partial = at->meta().is(ResponseMeta::partial);
    return {!partial, partial, at->has_small_body() ? nullptr : at->large_body(), at->purge_stamp()};
  }
  return {};
}

void Shard::insert_locked(StoredResponse* fresh, Unlinked& unlinked) {
  StoredResponse* heir_of = supersede(*fresh, unlinked);
  if (heir_of != nullptr) {
    fresh->set_queue(heir_of->queue());
    fresh->set_hits(heir_of->hits());
    eviction_->replaced(heir_of->queue(), heir_of->weight(), fresh->weight());
    link(fresh);
    unlink(heir_of, unlinked);
  } else {
    fresh->set_queue(eviction_->admit(fresh->hash_, fresh->weight()));
    link(fresh);
    drop_oldest_variant(*fresh, unlinked);
  }
  recharge();
}

bool Shard::replace(const StoredResponse& stale, StoredResponse* fresh, Unlinked& unlinked) {
  const std::lock_guard lock(mutex_);
  StoredResponse* at = bucket(stale.hash_).load();
  while (at != nullptr && at != &stale) at = at->next_.load(std::memory_order_relaxed);
  if (at == nullptr) return false;
  if (fresh->selecting() != at->selecting()) remove_superseded(*fresh, *at, unlinked);
  fresh->set_queue(at->queue());
  fresh->set_hits(at->hits());
  eviction_->replaced(at->queue(), at->weight(), fresh->weight());
  link(fresh);
  unlink(at, unlinked);
  return true;
}

void Shard::remove_superseded(const StoredResponse& fresh, const StoredResponse& but, Unlinked& unlinked) {
  StoredResponse* next = nullptr;
  for (StoredResponse* at = bucket(fresh.hash_).load(); at != nullptr; at = next) {
    next = at->next_.load(std::memory_order_relaxed);
    if (at != &but && same_key(at->hash_, at->key(), fresh.hash_, fresh.key()) && takes_place_of(fresh, *at))
      remove(at, unlinked);
  }
}

size_t Shard::purge(const KeyView& key, Unlinked& unlinked) {
  const std::lock_guard lock(mutex_);
  const uint32_t low = Index::low_half(key.hash);
  size_t variants = 0;
  StoredResponse* next = nullptr;
  for (StoredResponse* at = bucket(low).load(); at != nullptr; at = next) {
    next = at->next_.load(std::memory_order_relaxed);
    if (!same_key(at->hash_, at->key(), low, key.bytes)) continue;
    if (!at->is_marker()) ++variants;
    remove(at, unlinked);
  }
  recharge();
  return variants;
}

void Shard::compare(StoredResponse* response, const PurgeTable& purges, Unlinked& unlinked) {
  // Ahead of this table: judged by another that is further.
  if (response->is_marker() || !is_older(response->purge_stamp(), purges.position())) return;
  const PurgeVerdict verdict = response->judge(purges);
  if (verdict == PurgeVerdict::unverified) return;
  if (verdict == PurgeVerdict::gone) return remove(response, unlinked);
  if (verdict == PurgeVerdict::stale) response->set_softly_purged();
  response->set_purge_stamp(purges.position());
}

uint32_t Shard::sweep(uint32_t first, const SweepStep& step, const PurgeTable& purges, Unlinked& unlinked) {
  const std::lock_guard lock(mutex_);
  const uint64_t end = std::min<uint64_t>(index_.per_shard, first + uint64_t{step.buckets});
  uint64_t at = first;
  for (uint64_t looked_at = 0; at < end && looked_at + unlinked.weight / block_bytes < step.work; ++at) {
    StoredResponse* response = index_.links[uint64_t{number_} * index_.per_shard + at].load();
    while (response != nullptr) {
      StoredResponse* next = response->next_.load(std::memory_order_relaxed);
      compare(response, purges, unlinked);
      ++looked_at;
      response = next;
    }
  }
  recharge();
  return at == index_.per_shard ? 0 : static_cast<uint32_t>(at);
}

bool Shard::evict_one(bool wait, Unlinked& unlinked) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (wait) {
    lock.lock();
  } else if (!lock.try_lock()) {
    return false;
  }
  evicted_ = &unlinked;
  const bool evicted = eviction_->evict_one(*this);
  evicted_ = nullptr;
  recharge();
  return evicted;
}

void Shard::touched(const StoredResponse& response) {
  const std::lock_guard lock(mutex_);
  eviction_->touched(response.hash_);
}

bool Shard::oldest(SegmentId id, uint8_t queue, Segment& out) {
  StoredResponse* found = nullptr;
  for (StoredResponse* at = bucket(id).load(); at != nullptr; at = at->next_.load()) {
    if (at->hash_ == id && at->queue() == queue) found = at;
  }
  if (found == nullptr) return false;
  out = {found, id, found->weight(), found->hits()};
  return true;
}

size_t Shard::count(SegmentId id, uint8_t queue) {
  size_t count = 0;
  for (StoredResponse* at = bucket(id).load(); at != nullptr; at = at->next_.load()) {
    if (at->hash_ == id && at->queue() == queue) ++count;
  }
  return count;
}

void Shard::move(const Segment& segment, uint8_t queue, uint8_t hits) {
  auto* response = static_cast<StoredResponse*>(segment.owner);
  response->set_queue(queue);
  response->set_hits(hits);
}

void Shard::evict(const Segment& segment) {
  unlink(static_cast<StoredResponse*>(segment.owner), *evicted_);
  evictions_.store(evictions() + 1, std::memory_order_relaxed);
}

void Shard::recharge() {
  const size_t now = eviction_->memory_bytes();
  if (now > charged_) budget_.charge(now - charged_);
  if (now < charged_) budget_.release(charged_ - now);
  charged_ = now;
}

}  // namespace perigee::cache

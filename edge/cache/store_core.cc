#include "edge/cache/store_core.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace perigee::cache {

namespace {

constexpr uint64_t budget_per_bucket = 2048;
constexpr uint64_t buckets_min = 64;  // per shard
// Of a shard's share of the budget, what one response counts for at most when shards are compared.
constexpr uint64_t fullness_parts = 16;

// The whole of a complete body.
std::string gather(const Body& body) {
  std::string bytes;
  bytes.reserve(static_cast<size_t>(body.length()));
  for (;;) {
    const Body::Read read = body.read(bytes.size());
    if (read.state != Body::ReadState::bytes) return bytes;
    bytes.append(read.bytes);
  }
}

}  // namespace

StoreCore::StoreCore(const StoreOptions& options)
    : budget_(options.budget_bytes, options.blocks, options.pieces), limbo_(budget_) {
  const unsigned shards = std::bit_ceil(std::max(1u, options.shards));
  index_.shard_bits = static_cast<unsigned>(std::countr_zero(shards));
  index_.per_shard = static_cast<uint32_t>(std::clamp<uint64_t>(
      options.budget_bytes / budget_per_bucket / shards, buckets_min, uint64_t{1} << 31));
  const size_t buckets = size_t{index_.per_shard} * shards;
  links_ = std::make_unique<Index::Link[]>(buckets);
  index_.links = links_.get();
  budget_.charge(buckets * sizeof(Index::Link));
  const uint64_t fullness_most = options.budget_bytes / shards / fullness_parts;
  for (unsigned i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(index_, i, budget_, options.eviction, fullness_most));
  }
  wants_touches_ = make_eviction(options.eviction)->wants_touches();
}

StoreCore::~StoreCore() = default;

Reader& StoreCore::add_reader() {
  const std::lock_guard lock(readers_mutex_);
  readers_.push_back(std::unique_ptr<Reader>(new Reader(*this)));
  return *readers_.back();
}

StoredResponse* StoreCore::draw(const Draft& draft, std::string_view small_body,
                                std::shared_ptr<const Body> large_body) {
  std::string copy;
  if (large_body && large_body->settled() && large_body->whole() &&
      large_body->length() <= budget_.small_body_max()) {
    copy = gather(*large_body);
    small_body = copy;
    large_body = nullptr;
  }
  return StoredResponse::create(
      budget_, {Index::low_half(draft.key.hash), draft.key.bytes, draft.selecting, draft.head, draft.meta,
                small_body, std::move(large_body), draft.purge_stamp});
}

bool StoreCore::fits(const StoredResponse& response) const {
  if (response.has_small_body()) return true;
  const Body& body = *response.large_body();
  return body.settled() && body.resident() <= budget_.response_bytes_max();
}

bool StoreCore::insert(uint64_t hash, StoredResponse* response) {
  const unsigned shard = index_.shard(hash);
  if (!fits(*response) || !settle()) {
    discard(response);
    return false;
  }
  Unlinked unlinked;
  shards_[shard]->insert(response, unlinked);
  limbo_.add(std::move(unlinked));
  settle();
  return true;
}

bool StoreCore::refresh(const StoredResponse& stored, const Draft& draft) {
  Draft renewed = draft;
  renewed.meta.set(ResponseMeta::partial, stored.meta().is(ResponseMeta::partial));
  StoredResponse* fresh = stored.has_small_body() ? draw(renewed, stored.small_body(), nullptr)
                                                  : draw(renewed, {}, stored.large_body());
  if (fresh == nullptr) return false;
  const unsigned shard = index_.shard(draft.key.hash);
  Unlinked unlinked;
  if (!fits(*fresh) || !settle() || !shards_[shard]->replace(stored, fresh, unlinked)) {
    discard(fresh);
    return false;
  }
  limbo_.add(std::move(unlinked));
  settle();
  return true;
}

bool StoreCore::add_run(const Draft& draft, const RunOf& run, const std::shared_ptr<const Body>& bytes,
                        bool replace_whole) {
  constexpr int attempts = 8;  // others may add runs of the same representation at the same time
  const unsigned number = index_.shard(draft.key.hash);
  Shard& shard = *shards_[number];
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const Shard::Held held = shard.held(draft.key, draft.selecting);
    if (held.whole && !replace_whole) return false;
    const auto* before = held.partial ? static_cast<const SparseBody*>(held.body.get()) : nullptr;
    std::shared_ptr<const Body> body = SparseBody::combine(budget_, before, run, bytes);
    if (body == nullptr) return false;
    Draft partial = draft;
    partial.meta.set(ResponseMeta::partial, !body->whole());
    // What was stored may be what a purge since then is about.
    const bool combined = before != nullptr && body->resident() > bytes->length();
    if (combined && is_older(held.purge_stamp, draft.purge_stamp)) partial.purge_stamp = held.purge_stamp;
    StoredResponse* fresh = draw(partial, {}, std::move(body));
    if (fresh == nullptr) return false;
    Unlinked unlinked;
    if (!fits(*fresh) || !settle()) {
      discard(fresh);
      return false;
    }
    if (!shard.insert_over(held, fresh, unlinked)) {
      discard(fresh);
      continue;
    }
    limbo_.add(std::move(unlinked));
    settle();
    return true;
  }
  return false;
}

size_t StoreCore::purge(const KeyView& key) {
  Unlinked unlinked;
  const size_t variants = shards_[index_.shard(key.hash)]->purge(key, unlinked);
  limbo_.add(std::move(unlinked));
  limbo_.reclaim();
  return variants;
}

size_t StoreCore::sweep(SweepCursor& cursor, const SweepStep& step, const PurgeTable& purges) {
  // To free what earlier steps have removed is work, too.
  if (limbo_.reclaim() > step.work || limbo_.waiting() >= step.waiting) return 0;
  Unlinked unlinked;
  cursor.bucket = shards_[cursor.shard]->sweep(cursor.bucket, step, purges, unlinked);
  const size_t removed = unlinked.items.size();
  limbo_.add(std::move(unlinked));
  limbo_.reclaim();
  if (cursor.bucket != 0) return removed;
  cursor.shard = (cursor.shard + 1) % static_cast<unsigned>(shards_.size());
  if (cursor.shard == 0) ++cursor.rounds;
  return removed;
}

bool StoreCore::settle() {
  for (;;) {
    const bool found = evict();
    limbo_.reclaim();
    // What turned out to be pinned still has to be paid for: by others.
    if (!over(0)) return true;
    if (!found) return false;
  }
}

// One segment after the other from the shard that is fullest then, so that all of them reach about equally
// far back: by turns, those with large segments would make the room, and the others keep what is older. When
// that shard is locked or empty, goes round the others, waiting for locks when nobody else has anything left.
bool StoreCore::evict() {
  const size_t count = shards_.size();
  Unlinked unlinked;
  size_t at = 0;
  for (size_t idle = 0; over(unlinked.weight) && idle < 2 * count;) {
    at = idle == 0 ? fullest_shard() : (at + 1) % count;
    idle = shards_[at]->evict_one(idle >= count, unlinked) ? 0 : idle + 1;
  }
  const bool found = !unlinked.items.empty();
  limbo_.add(std::move(unlinked));
  return found;
}

size_t StoreCore::fullest_shard() const {
  const auto fullest = std::max_element(shards_.begin(), shards_.end(), [](const auto& a, const auto& b) {
    return a->fullness() < b->fullness();
  });
  return static_cast<size_t>(fullest - shards_.begin());
}

StoreStats StoreCore::stats() const {
  StoreStats stats;
  for (const auto& shard : shards_) {
    stats.responses += shard->responses();
    stats.evictions += shard->evictions();
  }
  stats.bytes_used = budget_.used();
  stats.bytes_max = budget_.bytes_max();
  return stats;
}

}  // namespace perigee::cache

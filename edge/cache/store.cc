#include "edge/cache/store.h"

#include <utility>

#include "edge/cache/store_core.h"

namespace perigee::cache {

Writer::Writer(StoreCore& core, uint64_t hash, StoredResponse* response)
    : core_(&core), hash_(hash), response_(response) {}

Writer::Writer(Writer&& other) noexcept
    : core_(other.core_), hash_(other.hash_), response_(std::exchange(other.response_, nullptr)) {}

Writer::~Writer() {
  if (response_ != nullptr) core_->discard(response_);
}

bool Writer::commit() {
  return response_ != nullptr && core_->insert(hash_, std::exchange(response_, nullptr));
}

Store::Store(const StoreOptions& options) : core_(std::make_unique<StoreCore>(options)) {}

Store::~Store() = default;

Budget& Store::budget() { return core_->budget(); }

Reader& Store::add_reader() { return core_->add_reader(); }

Writer Store::begin(const Draft& draft, std::string_view small_body) {
  return Writer(*core_, draft.key.hash, core_->draw(draft, small_body, nullptr));
}

Writer Store::begin(const Draft& draft, std::shared_ptr<const Body> body) {
  return Writer(*core_, draft.key.hash, core_->draw(draft, {}, std::move(body)));
}

bool Store::add_run(const Draft& draft, const RunOf& run, std::shared_ptr<const Body> bytes,
                    bool replace_whole) {
  return core_->add_run(draft, run, bytes, replace_whole);
}

bool Store::refresh(const StoredResponse& stored, const Draft& draft) {
  return core_->refresh(stored, draft);
}

void Store::remember_hit_for_miss(const KeyView& key, const ResponseMeta& meta) {
  Draft draft;
  draft.key = key;
  draft.meta = meta;
  draft.meta.set(ResponseMeta::hit_for_miss, true);
  StoredResponse* marker = core_->draw(draft, {}, nullptr);
  if (marker != nullptr) core_->insert(key.hash, marker);
}

size_t Store::purge(const KeyView& key) { return core_->purge(key); }

size_t Store::sweep(SweepCursor& cursor, const SweepStep& step, const PurgeTable& purges) {
  return core_->sweep(cursor, step, purges);
}

void Store::set_lost(uint64_t bytes) {
  budget().set_lost(bytes);
  if (budget().exceeded()) make_room();
}

bool Store::make_room() { return core_->settle(); }

StoreStats Store::stats() const { return core_->stats(); }

}  // namespace perigee::cache

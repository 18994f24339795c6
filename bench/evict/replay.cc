#include "bench/evict/replay.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "edge/base/hash.h"
#include "edge/cache/store.h"

namespace perigee::evict {

namespace {

constexpr std::string_view prefix = "https://trace.example/";

// So many bytes, paid for and not there. It says that it is not whole, or the store would copy a small one.
class HollowBody final : public cache::Body {
 public:
  HollowBody(cache::Budget& budget, uint64_t bytes) : budget_(budget), bytes_(bytes) {
    budget_.charge(bytes_);
  }
  ~HollowBody() override { budget_.release(bytes_); }

  Read read(uint64_t) const override { return {ReadState::absent, {}, nullptr}; }
  uint64_t length() const override { return bytes_; }
  uint64_t resident() const override { return bytes_; }
  bool settled() const override { return true; }
  bool whole() const override { return false; }

 private:
  cache::Budget& budget_;
  const uint64_t bytes_;
};

}  // namespace

Ratio replay(const trace::Trace& trace, const ReplayOptions& options) {
  cache::Store store({options.budget_bytes, options.shards, options.eviction});
  cache::Reader& reader = store.add_reader();
  const http::FieldList no_fields;
  Ratio ratio;
  std::string key;
  for (const trace::Request& request : trace.requests) {
    key = prefix;
    key += trace.name(request.id);
    const cache::KeyView view{key, hash64(key)};
    const cache::Lookup found = reader.lookup(view, no_fields);
    const bool hit = found.response != nullptr && found.response->body_length() == request.size;
    reader.turn_end();
    ++ratio.requests;
    ratio.bytes += request.size;
    if (hit) {
      ++ratio.hits;
      ratio.hit_bytes += request.size;
      continue;
    }
    cache::Draft draft;
    draft.key = view;
    draft.meta.status = 200;
    store.begin(draft, std::make_shared<const HollowBody>(store.budget(), request.size)).commit();
    ratio.used_max = std::max(ratio.used_max, store.budget().used());
  }
  return ratio;
}

uint64_t stored_bytes(const trace::Trace& trace, const trace::Request& request) {
  const size_t key = prefix.size() + trace.name(request.id).size();
  const size_t header = sizeof(cache::StoredResponse) + sizeof(std::shared_ptr<const cache::Body>);
  return cache::allocated_bytes(header + key) + request.size;
}

uint64_t footprint(const trace::Trace& trace) {
  std::vector<uint64_t> bytes(trace.ids());
  for (const trace::Request& request : trace.requests) bytes[request.id] = stored_bytes(trace, request);
  uint64_t sum = 0;
  for (const uint64_t each : bytes) sum += each;
  return sum;
}

}  // namespace perigee::evict

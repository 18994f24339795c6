#include "edge/cluster/hot_keys.h"

#include <algorithm>

namespace perigee::cluster {

std::string_view to_string(Heat heat) {
  switch (heat) {
    case Heat::cool:
      return "cool";
    case Heat::hot:
      return "hot";
    case Heat::spread:
      return "spread";
  }
  return "unknown";
}

Heat HotKeys::heat(const Counter& counter) const {
  const uint32_t certain = counter.count - counter.error;
  if (certain < options_.requests_min || uint64_t{certain} * options_.one_in < requests_) return Heat::cool;
  return uint64_t{certain} * options_.spread_one_in < requests_ ? Heat::hot : Heat::spread;
}

Heat HotKeys::heat(uint64_t key_hash) const {
  const auto tag = static_cast<uint32_t>(key_hash);
  for (const Counter& counter : sets_[set_of(key_hash)].counters) {
    if (counter.tag == tag && counter.count != 0) return heat(counter);
  }
  return Heat::cool;
}

Heat HotKeys::touch(uint64_t key_hash, uint64_t requests_so_far, MonoTime now) {
  age(requests_so_far, now);
  const auto tag = static_cast<uint32_t>(key_hash);
  Set& set = sets_[set_of(key_hash)];
  Counter* least = &set.counters.front();
  for (Counter& counter : set.counters) {
    if (counter.tag == tag && counter.count != 0) {
      if (counter.count != UINT16_MAX) ++counter.count;
      return heat(counter);
    }
    if (counter.count < least->count) least = &counter;
  }
  // With its count as the error: the key may have been here before and lost its place.
  least->tag = tag;
  least->error = least->count;
  if (least->count != UINT16_MAX) ++least->count;
  return heat(*least);
}

void HotKeys::age(uint64_t requests_so_far, MonoTime now) {
  if (halved_at_ == MonoTime{}) {
    halved_at_ = now;
    counted_from_ = requests_so_far;
  }
  if (now - halved_at_ >= half_life) {
    const auto halvings = std::min<Duration::rep>((now - halved_at_) / half_life, 16);
    for (Set& set : sets_) {
      for (Counter& counter : set.counters) {
        counter.count = static_cast<uint16_t>(counter.count >> halvings);
        counter.error = static_cast<uint16_t>(counter.error >> halvings);
      }
    }
    before_ = (before_ + requests_so_far - counted_from_) >> halvings;
    counted_from_ = requests_so_far;
    halved_at_ += half_life * ((now - halved_at_) / half_life);
  }
  requests_ = before_ + requests_so_far - counted_from_;
}

}  // namespace perigee::cluster

#include "edge/cluster/top_keys.h"

#include <algorithm>
#include <unordered_map>

namespace perigee::cluster {

namespace {

constexpr uint32_t samples_max = 32;  // in a window; more double the interval, fewer than a quarter halve it

}  // namespace

void TopKeys::add(std::string_view key, uint64_t hash, MonoTime now) {
  age(now);
  Entry& entry = entries_[place_of(key, hash)];
  entry.count += interval_;
  requests_ += interval_;
  ++samples_;
  adapt(now);
  draw_distance();
}

// Where the key is counted: it takes the place of the one with the lowest count when it has none.
size_t TopKeys::place_of(std::string_view key, uint64_t hash) {
  for (size_t i = 0; i < entries_max; ++i) {
    if (hashes_[i] == hash && entries_[i].count > 0) return i;
  }
  size_t least = 0;
  for (size_t i = 1; i < entries_max; ++i) {
    if (entries_[i].count < entries_[least].count) least = i;
  }
  Entry& entry = entries_[least];
  hashes_[least] = hash;
  entry.error = entry.count;
  entry.size = static_cast<uint8_t>(std::min(key.size(), text_max));
  entry.cut = key.size() > text_max;
  std::copy_n(key.begin(), entry.size, entry.text.begin());
  return least;
}

void TopKeys::age(MonoTime now) {
  if (halved_at_ == MonoTime{}) halved_at_ = window_began_ = now;
  if (now - halved_at_ < half_life) return;
  const auto halvings = std::min<Duration::rep>((now - halved_at_) / half_life, 31);
  for (Entry& entry : entries_) {
    entry.count >>= halvings;
    entry.error >>= halvings;
  }
  requests_ >>= halvings;
  halved_at_ += half_life * ((now - halved_at_) / half_life);
}

void TopKeys::adapt(MonoTime now) {
  if (now - window_began_ >= window) {
    if (samples_ < samples_max / 4) interval_ = std::max(interval_ / 2, 1u);
  } else if (samples_ >= samples_max) {
    interval_ = std::min(interval_ * 2, interval_max);
  } else {
    return;
  }
  window_began_ = now;
  samples_ = 0;
}

// Its mean is the interval.
void TopKeys::draw_distance() {
  left_ = interval_ == 1 ? 1 : 1 + static_cast<uint32_t>(random_.below(2 * interval_ - 1));
}

TopView TopKeys::view(MonoTime now) {
  if (now - window_began_ >= 10 * window) {
    interval_ = left_ = 1;
    samples_ = 0;
    window_began_ = now;
  }
  age(now);
  TopView view;
  view.requests = static_cast<double>(requests_);
  for (size_t i = 0; i < entries_max; ++i) {
    const Entry& entry = entries_[i];
    if (entry.count <= entry.error) continue;
    view.keys.push_back({std::string(entry.text.data(), entry.size), entry.cut, hashes_[i],
                         static_cast<double>(entry.count - entry.error)});
  }
  return view;
}

TopView merge(const std::vector<TopView>& views, size_t most) {
  TopView sum;
  std::unordered_map<uint64_t, size_t> places;
  for (const TopView& view : views) {
    sum.requests += view.requests;
    for (const TopKey& key : view.keys) {
      const auto [known, is_new] = places.try_emplace(key.hash, sum.keys.size());
      if (is_new) {
        sum.keys.push_back(key);
      } else {
        sum.keys[known->second].requests += key.requests;
      }
    }
  }
  std::sort(sum.keys.begin(), sum.keys.end(), [](const TopKey& a, const TopKey& b) {
    return a.requests != b.requests ? a.requests > b.requests : a.key < b.key;
  });
  if (sum.keys.size() > most) sum.keys.resize(most);
  return sum;
}

}  // namespace perigee::cluster

// What is asked for most just now, with its key in words: for people who look at a node. The heavy-hitter
// sketch of hot_keys.h decides what is copied and spread; it knows neither what this node answers as owner
// nor any name. This one hears of every request, and its names are kept beside the counts.
//
// A request costs a decrement. One in `interval` is looked at, at a distance drawn anew each time so that no
// pattern of the requests meets it, and counts for as many: so every key's count is right in expectation,
// however its requests are bunched. Up to some 300 requests a second the interval is one and counts are
// exact; it doubles with each 32 samples within a tenth of a second, up to 256, and shrinks again.
//
// Counts are kept by Space-Saving (hot_keys.h has the paper): the 64 keys counted last, each with the error
// it may have because another had its place before. They are halved every ten seconds, so they are about the
// last half minute.
//
// Fixed size (18 KiB), no allocation before view(). Thread rule: owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::cluster {

struct TopKey {
  std::string key;    // its beginning, when it is longer than TopKeys::text_max
  bool cut = false;   // it is longer
  uint64_t hash = 0;  // of the whole
  double requests = 0;
};

struct TopView {
  double requests = 0;  // for any key, in the counted time
  std::vector<TopKey> keys;
};

class TopKeys {
 public:
  static constexpr size_t entries_max = 64;
  static constexpr size_t text_max = 255;
  static constexpr uint32_t interval_max = 256;

  explicit TopKeys(uint64_t seed = 1) : random_(seed) {}

  // A request. True: it is to be told by add().
  bool due() { return --left_ == 0; }
  void add(std::string_view key, uint64_t hash, MonoTime now);

  // The keys that had requests for certain, in no order, with these. A quiet node looks closely again from
  // here on.
  TopView view(MonoTime now);

  uint32_t interval() const { return interval_; }

 private:
  static constexpr Duration half_life = std::chrono::seconds(10);
  static constexpr Duration window = std::chrono::milliseconds(100);

  struct Entry {
    uint32_t count = 0;
    uint32_t error = 0;  // of count, that may be other keys'
    uint8_t size = 0;
    bool cut = false;
    std::array<char, text_max> text;
  };

  void age(MonoTime now);
  void adapt(MonoTime now);
  void draw_distance();
  size_t place_of(std::string_view key, uint64_t hash);

  uint32_t left_ = 1;
  uint32_t interval_ = 1;
  uint32_t samples_ = 0;  // in the window
  MonoTime window_began_{};
  MonoTime halved_at_{};
  uint64_t requests_ = 0;
  Random random_;
  std::array<uint64_t, entries_max> hashes_{};  // beside the rest, to be searched; of entries with a count
  std::array<Entry, entries_max> entries_{};
};

// Of several workers as one, the most asked for first, at most so many.
TopView merge(const std::vector<TopView>& views, size_t most);

}  // namespace perigee::cluster

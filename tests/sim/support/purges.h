// The purges of a simulation: what was asked for where, what it covers, and who had it when the receipt came.
//
// Owned by the simulation; written by it, read by its checks. Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::sim {

// Which resources a purge is about. Tags are those that the origin gives (tag_of).
struct PurgeWish {
  enum class Kind : uint8_t { url, prefix, tag, everything };
  Kind kind = Kind::url;
  uint32_t number = 0;  // of the resource, of what paths begin with, of the tag

  bool covers(uint32_t resource) const;
  // The body of POST /purge.
  std::string body() const;
};
PurgeWish draw_purge(Random& random, size_t resources);

// Value of Surrogate-Key.
std::string tag_of(uint32_t resource);

struct SentPurge {
  PurgeWish wish;
  std::string node;  // that was asked
  MonoTime asked{};
  std::optional<MonoTime> receipt;
  std::set<std::string> settled;  // by the receipt: who has applied it, or uses nothing without asking
  bool everybody = false;         // no node of the log's topology was pending
};

class Purges {
 public:
  size_t add(const PurgeWish& wish, std::string node, MonoTime now);
  // The answer to POST /purge; anything but 200 is no receipt.
  void answered(size_t purge, int status, std::string_view json, MonoTime now);

  const std::vector<SentPurge>& all() const { return purges_; }
  // Was one asked for that covers the resource, in [from, to]?
  bool any(uint32_t resource, MonoTime from, MonoTime to) const;

 private:
  std::vector<SentPurge> purges_;
};

}  // namespace perigee::sim

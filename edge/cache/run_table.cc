#include "edge/cache/run_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace perigee::cache {

namespace {

// Cannot be mistaken for a key, nor for the fill of a variant: keys hold no NUL, selecting bytes end in one.
std::string fill_key_of(std::string_view representation, const ByteRun& run) {
  std::string key(representation);
  key.push_back('\0');
  key += fmt::format("run {}-{}", run.first, run.last);
  return key;
}

}  // namespace

bool RunTable::is_running(const Entry& entry) {
  const std::shared_ptr<Fill> fill = entry.fill.lock();
  if (fill == nullptr) return false;
  const Fill::State state = fill->state();
  return state == Fill::State::requested || state == Fill::State::streaming;
}

// One that was retired, or no longer has its first byte, is not found any more.
bool RunTable::can_be_joined(const Entry& entry) const {
  const std::shared_ptr<Fill> fill = entry.fill.lock();
  return fill != nullptr && is_running(entry) && fills_.find({fill->key(), key_hash(fill->key())}) == fill;
}

// What it brings was invalidated (RFC 9111 4.4): nobody who comes now may have it.
bool RunTable::is_outdated(const Entry& entry, uint64_t primary_hash) {
  const std::shared_ptr<Fill> fill = entry.fill.lock();
  if (fill == nullptr || !fill->invalidated(primary_hash)) return false;
  fills_.retire(*fill);
  return true;
}

RunTable::Claim RunTable::claim(std::string_view representation, const ByteRun& wanted, WorkerFills& worker,
                                Follower& follower, MonoTime started) {
  const std::lock_guard lock(mutex_);
  if (representations_.size() >= sweep_at_) sweep();
  std::vector<Entry>& entries = representations_[std::string(representation)];
  const uint64_t primary = key_hash(representation.substr(0, representation.find('\0')));
  std::erase_if(entries,
                [&](const Entry& entry) { return !can_be_joined(entry) || is_outdated(entry, primary); });
  Claim claim;
  claim.run = wanted;
  for (const Entry& entry : entries) {
    if (entry.run.contains(wanted.first)) {
      const std::shared_ptr<Fill> fill = entry.fill.lock();
      if (fill == nullptr || !fill->is_near(wanted.first - entry.run.first)) continue;
      if (fills_.follow(*fill, worker, follower)) {
        claim.fill = fill;
        claim.run = entry.run;
        return claim;
      }
      if (is_running(entry)) return claim;  // as many follow it as can
      continue;
    }
    if (entry.run.first > wanted.first) claim.run.last = std::min(claim.run.last, entry.run.first - 1);
  }
  const std::string key = fill_key_of(representation, claim.run);
  FillTable::Joined joined = fills_.join({key, key_hash(key)}, worker, follower, started);
  claim.fill = std::move(joined.fill);
  claim.leader = joined.leader;
  if (claim.leader) entries.push_back({claim.run, claim.fill});
  return claim;
}

void RunTable::announce(std::string_view representation, const ByteRun& run,
                        const std::shared_ptr<Fill>& fill) {
  const std::lock_guard lock(mutex_);
  representations_[std::string(representation)].push_back({run, fill});
}

void RunTable::sweep() {
  std::erase_if(representations_, [](const auto& representation) {
    return std::none_of(representation.second.begin(), representation.second.end(), is_running);
  });
  sweep_at_ = std::max<size_t>(1024, representations_.size() * 2);
}

}  // namespace perigee::cache

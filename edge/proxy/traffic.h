// What a worker has done, by site and by upstream: answers, bytes, reasons to go onward, and how long things
// took. The /metrics page has it beside the figures of edge/base/metrics.h.
//
// Names come from configuration and topology, never from requests, and at most names_max of each kind are
// kept apart; the others share one set of counters. Counters of a name that is gone stay, since they never
// fall while a process lives.
//
// Thread rule: a shard belongs to one worker, which alone counts (plain loads and stores) and adds names;
// adding one takes a lock, counting does not. Anybody may read a shard at any time.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "edge/base/clock.h"
#include "edge/cache/policy.h"
#include "edge/cluster/peer_envelope.h"
#include "edge/proxy/upstream_connection.h"

namespace perigee::proxy {

// A counter that one thread adds to and others read.
class Counter {
 public:
  void add(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Durations in buckets that double from half a millisecond; the last one has no end.
class LatencyHistogram {
 public:
  static constexpr std::chrono::nanoseconds first_end = std::chrono::microseconds(500);
  static constexpr size_t bucket_count = 18;
  // Its inclusive end; not of the last one.
  static constexpr Duration end_of(size_t bucket) { return first_end * (int64_t{1} << bucket); }
  static constexpr size_t bucket_of(Duration took) {
    if (took <= Duration::zero()) return 0;
    const auto halves = static_cast<uint64_t>((took.count() - 1) / first_end.count());
    const auto bucket = static_cast<size_t>(std::bit_width(halves));
    return bucket < bucket_count ? bucket : bucket_count - 1;
  }

  void record(Duration took) {
    buckets_[bucket_of(took)].add();
    if (took > Duration::zero()) total_ns_.add(static_cast<uint64_t>(took.count()));
  }
  // Within the turn of the loop that brought it: no time by the loop's clock.
  void record_at_once() { buckets_[0].add(); }

  uint64_t in_bucket(size_t bucket) const { return buckets_[bucket].read(); }
  uint64_t total_ns() const { return total_ns_.read(); }

 private:
  std::array<Counter, bucket_count> buckets_;
  Counter total_ns_;
};

// How a client's request was answered: the words of the access log.
enum class AnswerKind : uint8_t { hit, stale, miss, collapsed, revalidated, bypass, error, refused };
inline constexpr std::string_view answer_kinds[] = {"hit",         "stale",  "miss",  "collapsed",
                                                    "revalidated", "bypass", "error", "refused"};
inline constexpr size_t answer_kind_count = std::size(answer_kinds);
// The kind that has this word; error for one that none has.
AnswerKind answer_kind(std::string_view word);

inline constexpr size_t forward_reason_count = static_cast<size_t>(cache::ForwardReason::partial) + 1;
inline constexpr size_t status_classes = 6;  // status / 100; 0: there was no answer

// Of the requests that clients sent to one site.
class SiteTraffic {
 public:
  void count(AnswerKind kind, int status, uint64_t body_bytes) {
    const auto status_class = static_cast<unsigned>(status) / 100;
    answers_[static_cast<size_t>(kind)][status_class < status_classes ? status_class : 0].add();
    bytes_.add(body_bytes);
  }
  void went_forward(cache::ForwardReason reason) { forwards_[static_cast<size_t>(reason)].add(); }
  // From the request's head to its answer's head.
  LatencyHistogram& answer_time() { return answer_time_; }

  uint64_t answers(AnswerKind kind, size_t status_class) const {
    return answers_[static_cast<size_t>(kind)][status_class].read();
  }
  uint64_t bytes() const { return bytes_.read(); }
  uint64_t forwards(cache::ForwardReason reason) const {
    return forwards_[static_cast<size_t>(reason)].read();
  }
  const LatencyHistogram& answer_time() const { return answer_time_; }

 private:
  std::array<std::array<Counter, status_classes>, answer_kind_count> answers_;
  Counter bytes_;
  std::array<Counter, forward_reason_count> forwards_;
  LatencyHistogram answer_time_;
};

inline constexpr size_t upstream_failure_count = static_cast<size_t>(UpstreamFailure::circuit_open) + 1;

// Of the requests sent to one peer, or to one group of origin servers.
class UpstreamTraffic {
 public:
  void sent() { requests_.add(); }
  void received(uint64_t body_bytes) { bytes_.add(body_bytes); }
  void failed(UpstreamFailure why) { failures_[static_cast<size_t>(why)].add(); }
  // From sending a request to the head of its answer.
  LatencyHistogram& first_byte() { return first_byte_; }

  uint64_t requests() const { return requests_.read(); }
  uint64_t bytes() const { return bytes_.read(); }
  uint64_t failures(UpstreamFailure why) const { return failures_[static_cast<size_t>(why)].read(); }
  const LatencyHistogram& first_byte() const { return first_byte_; }

 private:
  Counter requests_;
  Counter bytes_;
  std::array<Counter, upstream_failure_count> failures_;
  LatencyHistogram first_byte_;
};

// Peers of the region, peers of the shield region and origins are kept apart.
using UpstreamName = std::pair<cluster::Tier, std::string>;

// What requests are refused with before the store is asked; 0: any other.
inline constexpr int refusal_statuses[] = {400, 403, 405, 408, 413, 414, 417, 421,
                                           425, 431, 501, 504, 505, 508, 0};

class TrafficShard {
 public:
  static constexpr size_t names_max = 256;
  static constexpr std::string_view other_name = "(other)";

  // The owner only. Good for as long as the shard.
  SiteTraffic& site(std::string_view name);
  UpstreamTraffic& upstream(cluster::Tier tier, std::string_view name);

  void refused(int status) { refusals_[refusal_index(status)].add(); }

  // Any thread. The callbacks must not come back here.
  uint64_t refusals(size_t index) const { return refusals_[index].read(); }
  void visit_sites(const std::function<void(const std::string& name, const SiteTraffic&)>& visit) const;
  void visit_upstreams(
      const std::function<void(const UpstreamName& name, const UpstreamTraffic&)>& visit) const;

 private:
  static size_t refusal_index(int status);

  std::array<Counter, std::size(refusal_statuses)> refusals_;
  mutable std::mutex adding_;  // held to change or walk the maps; their owner looks things up without it
  std::map<std::string, std::unique_ptr<SiteTraffic>> sites_;
  std::map<UpstreamName, std::unique_ptr<UpstreamTraffic>> upstreams_;
};

}  // namespace perigee::proxy

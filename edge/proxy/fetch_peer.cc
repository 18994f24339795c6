// The half of a fetch that deals with peers: envelopes, what their answers say of them, and hedges.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/proxy/fetch.h"
#include "edge/proxy/peer_tls.h"

namespace perigee::proxy {

cluster::PeerRecord& Fetch::peer() const { return *job_.snapshot->peers[target().node]; }

std::string Fetch::envelope(const Target& to) const {
  cluster::PeerRequestEnvelope envelope;
  envelope.tier = to.tier;
  // Of a question that nothing can follow from, the hop does not count.
  envelope.hop = to.only_if_cached ? std::min(job_.hop + 1, cluster::hops_max) : job_.hop + 1;
  envelope.digest = job_.snapshot->cluster->digest;
  envelope.deadline =
      std::chrono::duration_cast<std::chrono::milliseconds>(job_.deadline - worker_.loop().now());
  envelope.position = worker_.purges().position();
  envelope.from = job_.snapshot->node_name;
  envelope.invalidation = worker_.fills().invalidations().last_id(cache::key_hash(job_.key));
  envelope.only_if_cached = to.only_if_cached;
  return cluster::format(envelope);
}

// A peer has the request now.
void Fetch::await_peer() {
  if (target().is_origin()) return;
  cluster::PeerRecord& record = peer();
  PeerDealings& dealings = worker_.peers().with(record);
  record.requests.fetch_add(1, std::memory_order_relaxed);
  waiting_for_ = &dealings;
  ++dealings.waiting;
  asked_at_ = worker_.loop().now();
  const auto delay = dealings.hedging.on_request(asked_at_);
  // Not to whom we are asking already, since others before it have failed.
  const bool may_hedge = job_.plan.hedge && target().tier == cluster::Tier::region &&
                         target().node != *job_.plan.hedge && !target().only_if_cached && !published_ &&
                         !job_.resume;
  if (delay && may_hedge) worker_.loop().timers().arm(hedge_timer_, asked_at_ + *delay);
}

// The peer has given a sign of life, or will not give one any more: it took that long either way.
void Fetch::peer_heard() {
  hedge_timer_.cancel();
  PeerDealings* dealings = stop_waiting();
  if (dealings == nullptr) return;
  dealings->hedging.on_first_byte(worker_.loop().now() - asked_at_);
  if (const auto p95 = dealings->hedging.p95()) {
    peer().p95_us.store(std::chrono::duration_cast<std::chrono::microseconds>(*p95).count(),
                        std::memory_order_relaxed);
  }
}

PeerDealings* Fetch::stop_waiting() {
  if (waiting_for_ != nullptr) --waiting_for_->waiting;
  return std::exchange(waiting_for_, nullptr);
}

// False: it is not an answer of the peer as a cache. It would not serve this request, has not stored it,
// knows less of purges than we do, or something else answered in its place.
bool Fetch::is_peer_answer(const Target& from, const http::ResponseHead& head) {
  const auto said = cluster::parse_peer_answer(head.fields.value(http::FieldId::perigee_peer));
  if (!said) return false;
  worker_.peers().on_answer(*job_.snapshot, from.node, *said);
  if (head.fields.find(peer_refusal_field) != nullptr) return false;
  if (from.only_if_cached && head.status == 504) return false;
  return !purged_since(head, *said);
}

void Fetch::report_peer(cluster::PeerOutcome outcome) {
  if (target().is_origin() || peer_reported_) return;
  peer_reported_ = true;
  worker_.outcomes().peer_outcome(peer().id, outcome);
}

// Twice as late as nineteen of twenty answers of this peer: the next owner may have it stored.
void Fetch::hedge() {
  const ExchangeOptions& options = job_.snapshot->exchange;
  const Target to{cluster::Tier::region, *job_.plan.hedge, nullptr, true};
  const auto address = net::Address::parse(job_.snapshot->cluster->topology.nodes[to.node].peer_address);
  if (!address || !worker_.health().usable(to.node)) return;
  auto tls = connect_peer_tls(worker_, *job_.snapshot, job_.snapshot->peers[to.node]->name);
  if (tls && tls->context == nullptr) return;
  UpstreamLimit& slot = limit_of(to);
  if (!slot.try_acquire()) return;
  // Last: what is taken from the budget is sent.
  if (!worker_.peers().with(peer()).hedging.try_hedge(worker_.loop().now())) {
    slot.release();
    worker_.metrics().add(Metric::hedge_budget_exhausted);
    return;
  }
  worker_.metrics().add(Metric::hedges_sent);
  worker_.traffic().upstream(to.tier, job_.snapshot->peers[to.node]->name).sent();
  peer().hedges.fetch_add(1, std::memory_order_relaxed);
  HedgeClient& client = *this;
  hedge_ = std::make_unique<Hedge>(worker_, client, slot, *address, std::move(tls), options, request_.method,
                                   request_head(to));
}

// The late peer loses: its connection goes, its place is given back, and it is nobody's failure.
bool Fetch::on_hedge_answer(UpstreamConnection& connection, UpstreamLimit& slot,
                            const http::ResponseHead& head) {
  const Target from{cluster::Tier::region, *job_.plan.hedge, nullptr, true};
  if (step_ != Step::await_head || !is_peer_answer(from, head)) return false;
  worker_.metrics().add(Metric::hedges_won);
  peer().hedges_won.fetch_add(1, std::memory_order_relaxed);
  peer_heard();
  std::exchange(connection_, &connection)->close();
  std::exchange(slot_, &slot)->release();
  const auto at = static_cast<std::ptrdiff_t>(target_) + 1;
  job_.plan.targets.insert(job_.plan.targets.begin() + at, from);
  ++target_;
  sent_to_ = &traffic();
  peer_reported_ = false;
  connection.set_handler(*this);
  hedge_.reset();
  on_answer_head(head);
  return true;
}

}  // namespace perigee::proxy

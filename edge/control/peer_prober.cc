#include "edge/control/peer_prober.h"

#include <algorithm>
#include <utility>

#include "edge/base/jitter.h"
#include "edge/proxy/peer_control.h"

namespace perigee::control {

namespace {

constexpr Duration least_between_probes = std::chrono::milliseconds(100);

}  // namespace

PeerProber::PeerProber(net::Loop& loop, MetricShard& metrics, Duration interval, Random random,
                       ProbeListener& listener)
    : loop_(loop),
      interval_(interval),
      random_(random),
      listener_(listener),
      metrics_(metrics),
      caller_(loop, metrics) {}

void PeerProber::adopt(std::shared_ptr<const proxy::Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  timer_.cancel();
  const std::vector<Peer> before = std::exchange(peers_, {});
  if (interval_ == Duration{} || !snapshot_->has_peers()) return;
  const cluster::ClusterView& view = *snapshot_->cluster;
  for (size_t i = 0; i < view.topology.nodes.size(); ++i) {
    const auto address = net::Address::parse(view.topology.nodes[i].peer_address);
    if (i == view.self || !address) continue;
    Peer peer{snapshot_->peers[i], *address, {}};
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const Peer& old) { return old.record == peer.record; });
    peer.next = known != before.end() ? known->next : MonoTime::max();
    peers_.push_back(std::move(peer));
  }
  for (Peer& peer : peers_) {
    if (peer.next == MonoTime::max()) peer.next = loop_.now() + pause();
  }
  arm();
}

Duration PeerProber::pause() {
  const auto many = least_between_probes * static_cast<Duration::rep>(peers_.size());
  return jittered(std::max<Duration>(interval_, many), probe_jitter, random_);
}

void PeerProber::arm() {
  if (peers_.empty()) return;
  const auto first = std::min_element(peers_.begin(), peers_.end(),
                                      [](const Peer& a, const Peer& b) { return a.next < b.next; });
  loop_.timers().arm(timer_, first->next);
}

void PeerProber::on_timer(net::Timer&) {
  for (Peer& peer : peers_) {
    if (peer.next > loop_.now()) continue;
    peer.next = loop_.now() + pause();
    probe(peer);
  }
  arm();
}

void PeerProber::probe(const Peer& peer) {
  const proxy::Snapshot& snapshot = *snapshot_;
  proxy::PeerCall call;
  call.to = peer.address;
  call.to_name = peer.record->name;
  call.authority = proxy::control_authority;
  call.url = "http://" + std::string(proxy::control_authority) + std::string(proxy::probe_path);
  call.from = snapshot.node_name;
  call.digest = snapshot.cluster->digest;
  call.timeout = snapshot.exchange.peer_answer_timeout;
  metrics_.add(Metric::peer_probes);
  caller_.call(call, proxy::proof_of_node(snapshot),
               [this, record = peer.record, sent = loop_.now()](const Result<proxy::PeerReply>& reply) {
                 std::optional<cluster::PeerAnswerEnvelope> said;
                 if (reply && reply->status == 204) {
                   if (auto parsed = cluster::parse_peer_answer(reply->peer_field)) said = *parsed;
                 }
                 const auto took = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - sent);
                 record->probe_us.store(said ? took.count() : -1, std::memory_order_relaxed);
                 if (!said) record->probes_failed.fetch_add(1, std::memory_order_relaxed);
                 if (!said) metrics_.add(Metric::peer_probes_failed);
                 listener_.on_probe(*record, said ? &*said : nullptr);
               });
}

}  // namespace perigee::control

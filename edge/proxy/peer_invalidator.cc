#include "edge/proxy/peer_invalidator.h"

#include <array>
#include <utility>

#include "edge/proxy/worker.h"

namespace perigee::proxy {

namespace {

// After the first attempt.
constexpr std::array<Duration, 3> pauses = {std::chrono::milliseconds(200), std::chrono::seconds(1),
                                            std::chrono::seconds(5)};

}  // namespace

class PeerInvalidator::Message final : private net::TimerHandler {
 public:
  Message(PeerInvalidator& owner, std::shared_ptr<const Snapshot> snapshot, PeerCall call, std::string key,
          std::shared_ptr<InvalidationRound> round)
      : owner_(owner),
        snapshot_(std::move(snapshot)),
        call_(std::move(call)),
        key_(std::move(key)),
        round_(std::move(round)) {
    call_.url = key_;
    call_.authority = cache::key_parts(key_).authority;
    owner_.messages_.insert(this);
    if (round_ != nullptr) ++round_->open;
  }
  ~Message() { owner_.messages_.erase(this); }

  void send() {
    owner_.worker_.metrics().add(Metric::invalidations_sent);
    owner_.caller_.call(call_, proof_of_node(*snapshot_),
                        [this](const Result<PeerReply>& reply) { replied(reply && reply->status == 204); });
  }

 private:
  void replied(bool confirmed) {
    const std::shared_ptr<InvalidationRound> round = std::exchange(round_, nullptr);
    PeerInvalidator& owner = owner_;
    if (confirmed || attempts_ == pauses.size()) {
      if (!confirmed) owner_.worker_.metrics().add(Metric::invalidations_lost);
      delete this;
    } else {
      net::Loop& loop = owner_.worker_.loop();
      loop.timers().arm(timer_, loop.now() + pauses[attempts_++]);
    }
    // Last: it may go on with the answer, and whatever follows from that.
    if (round != nullptr) settled(*round, confirmed, owner.worker_.metrics());
  }
  // Who cannot be reached is not waited for any longer, but late.
  static void settled(InvalidationRound& round, bool confirmed, MetricShard& metrics) {
    if (!confirmed && !round.over) metrics.add(Metric::invalidations_late);
    round.settle();
  }
  void on_timer(net::Timer&) override { send(); }

  PeerInvalidator& owner_;
  const std::shared_ptr<const Snapshot> snapshot_;
  PeerCall call_;
  const std::string key_;
  std::shared_ptr<InvalidationRound> round_;  // null: nobody waits, or not any more
  size_t attempts_ = 0;
  net::Timer timer_{*this};
};

PeerInvalidator::PeerInvalidator(Worker& worker)
    : worker_(worker), caller_(worker.loop(), worker.metrics()) {}

PeerInvalidator::~PeerInvalidator() {
  while (!messages_.empty()) delete *messages_.begin();
}

bool PeerInvalidator::forget(Worker& worker, std::string_view key, uint64_t id) {
  const uint64_t hash = cache::key_hash(key);
  cache::Invalidations& known = worker.fills().invalidations();
  if (known.knows(hash, id)) return false;
  known.add(hash, id);
  worker.store().purge({key, hash});
  return true;
}

std::shared_ptr<InvalidationRound> PeerInvalidator::invalidate(
    const std::shared_ptr<const Snapshot>& snapshot, const std::vector<std::string>& keys) {
  auto round = std::make_shared<InvalidationRound>();
  const cluster::ClusterView& view = *snapshot->cluster;
  for (const std::string& key : keys) {
    const uint64_t id = worker_.loop().random().next() | 1;  // never 0
    forget(worker_, key, id);
    if (!snapshot->has_peers()) continue;
    for (size_t i = 0; i < view.topology.nodes.size(); ++i) {
      const auto node = static_cast<cluster::NodeIndex>(i);
      const auto address = net::Address::parse(view.topology.nodes[i].peer_address);
      if (node == view.self || !address) continue;
      if (messages_.size() >= messages_max) {
        worker_.metrics().add(Metric::invalidations_lost);
        continue;
      }
      PeerCall call;
      call.method = http::Method::post;
      call.to = *address;
      call.to_name = view.topology.nodes[i].name;
      call.from = snapshot->node_name;
      call.digest = view.digest;
      call.invalidation = id;
      call.timeout = snapshot->exchange.peer_answer_timeout;
      const bool usable = worker_.health().usable(node);
      (new Message(*this, snapshot, std::move(call), key, usable ? round : nullptr))->send();
    }
  }
  return round;
}

}  // namespace perigee::proxy

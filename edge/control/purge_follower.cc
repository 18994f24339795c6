#include "edge/control/purge_follower.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace perigee::control {
namespace {

constexpr Duration poll_wait_max = std::chrono::seconds(3);
constexpr Duration answer_grace = std::chrono::seconds(1);
constexpr Duration retry_after = std::chrono::milliseconds(250);

}  // namespace

PurgeFollower::PurgeFollower(net::Loop& loop, std::string self, Duration verify_after, Send send,
                             PurgeApplier& applier, Log log)
    : loop_(loop),
      self_(std::move(self)),
      verify_after_(verify_after),
      send_(std::move(send)),
      applier_(applier),
      log_(log) {}

void PurgeFollower::poll() {
  const Duration wait = std::min(poll_wait_max, verify_after_ / 3);
  const MonoTime sent = loop_.now();
  send_(http::Method::get, poll_target({self_, epoch_, applied_, wait}), wait + answer_grace,
        [this, sent](Result<proxy::PeerReply> reply) { take(std::move(reply), sent); });
}

void PurgeFollower::take(Result<proxy::PeerReply> reply, MonoTime sent) {
  auto news = reply && reply->status == 200
                  ? read_news(reply->body)
                  : fail(Side::upstream, "purge_log_away",
                         reply ? "status " + std::to_string(reply->status) : reply.error().context);
  if (news) {
    reachable_ = true;
    return take_news(std::move(*news), sent);
  }
  if (std::exchange(reachable_, false)) {
    log_.warning("purge_log_away", {{"why", std::string_view(news.error().context)}});
  }
  loop_.timers().arm(retry_timer_, loop_.now() + retry_after);
}

void PurgeFollower::take_news(PurgeNews news, MonoTime sent) {
  if (news.reset) {
    epoch_ = news.epoch;
    applied_ = news.head;
    applier_.rebase({epoch_, applied_});
    log_.info("purge_log_begins", {{"epoch", epoch_}, {"sequence", applied_}});
  }
  applied_ += news.commands.size();
  const auto next = [this, sent, caught_up = applied_ == news.head] {
    if (caught_up) applier_.verified_until(sent + verify_after_);
    poll();
  };
  if (news.commands.empty()) return next();
  applier_.apply(news.commands, next);
}

// Receipts of several commands as one: the last position, and for each node the worst.
struct PurgeFollower::Forward {
  size_t left = 0;
  AppendDone done;
  std::optional<Error> error;
  PurgeReceipt sum;

  void add(PurgeReceipt receipt) {
    sum.position = std::max(sum.position, receipt.position);
    if (sum.nodes.empty()) sum.nodes = receipt.nodes;
    for (size_t i = 0; i < std::min(sum.nodes.size(), receipt.nodes.size()); ++i) {
      if (receipt.nodes[i].state == PurgeState::pending) sum.nodes[i].state = PurgeState::pending;
    }
  }
  void one_less() {
    if (--left > 0) return;
    if (error) return done(tl::unexpected(std::move(*error)));
    done(std::move(sum));
  }
};

void PurgeFollower::append(std::vector<PurgeCommand> commands, Duration wait, AppendDone done) {
  auto forward = std::make_shared<Forward>();
  forward->left = 1;  // ours, until all are sent
  forward->done = std::move(done);
  for (std::span<const PurgeCommand> left = commands; !left.empty();) {
    ++forward->left;
    send_(http::Method::post, append_target(left, wait), wait + answer_grace,
          [forward](Result<proxy::PeerReply> reply) {
            auto receipt =
                reply && reply->status == 200
                    ? read_receipt(reply->body)
                    : fail(Side::upstream, "purge_log_away",
                           reply ? "it answered " + std::to_string(reply->status) : reply.error().context);
            if (receipt) {
              forward->add(std::move(*receipt));
            } else {
              forward->error = receipt.error();
            }
            forward->one_less();
          });
  }
  forward->one_less();
}

}  // namespace perigee::control

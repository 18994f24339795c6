// How long an exchange waits for what others fetch, and how it begins to wait anew: for one more fetch that
// all who are in its place share.

#include <algorithm>

#include "edge/proxy/exchange.h"

namespace perigee::proxy {

namespace {

constexpr uint8_t purge_joins_max = 2;

}  // namespace

// A fill has a time of its own, and one request may wait for several in turn; our time is ours all the same.
void Exchange::limit_wait() {
  MonoTime until = deadline_;
  if (!leader_ && !asked_once_more_)
    until = std::min(until, worker_.loop().now() + snapshot().exchange.follower_wait_max);
  worker_.loop().timers().arm(wait_timer_, until);
}

void Exchange::on_wait_over() {
  // We are about to be told.
  if (fill_->state() != cache::Fill::State::requested) return;
  const MonoTime now = worker_.loop().now();
  worker_.purges().believe_at(now);
  if (now >= deadline_)
    return fail({Side::upstream, "http_response_timeout", "no response before the deadline"});
  if (!leader_) ask_once_more();
}

// The head is late. The first to have waited that long asks once more, for everybody who has and for whoever
// comes from now on; the late one stays for who began to wait later, and for who leads it.
void Exchange::ask_once_more() {
  asked_once_more_ = true;
  in_runs_ ? join_anew() : join_successor();
}

// A purge or an invalidation has come since the fill was sent: what it brings is not for us.
void Exchange::join_again() {
  if (++purge_joins_ <= purge_joins_max) return join_successor();
  worker_.fills().retire(*fill_);
  go_alone(false);
}

// Nobody finds the fill any more; we follow the next under its key, or lead it.
void Exchange::join_successor() {
  const std::string fill_key(fill_->key());
  worker_.fills().retire(*fill_);
  leave_fill();
  wait_timer_.cancel();
  collapsed_ = false;
  join_fill(fill_key);
}

// What we waited for is no longer there, or could be used by those alone who asked before it was sent. All
// who are in that place share one new fetch, which was then sent after each of them asked.
void Exchange::join_anew() {
  if (alone_ || ++purge_joins_ > purge_joins_max) return go_alone(!context_.policy.has_range);
  // Nor is it for anybody who comes from now on, however long its content may take.
  if (fill_ != nullptr) worker_.fills().retire(*fill_);
  join_next(key_);
}

// As if it had just come, but for what was found stored.
void Exchange::join_next(const std::string& fill_key) {
  leave_fill();
  wait_timer_.cancel();
  collapsed_ = false;
  known_.reset();
  wanted_.reset();
  fill_base_ = 0;
  in_runs_ = context_.policy.has_range;
  if (!in_runs_) return join_fill(fill_key);
  ask_ = cold_ask();
  join_fill(range_fill_key(fill_key));
}

// What is asked about next is what took the place of what was found first.
void Exchange::adopt_renewed(const cache::StoredResponse& renewed) {
  if (&renewed == context_.stored) return;
  worker_.reader().pin(renewed);
  if (context_.stored != nullptr) worker_.reader().unpin(*context_.stored);
  context_.stored = &renewed;
}

}  // namespace perigee::proxy

#include "edge/purge_sweeper.h"

#include <utility>

namespace perigee {

namespace {

// Four steps take a quarter of this or so; a million responses are gone in half a minute.
constexpr Duration sweep_every = std::chrono::milliseconds(1);
constexpr int sweep_steps = 4;
constexpr size_t prune_max = 500;  // rules at once

}  // namespace

void PurgeSweeper::rebase() {
  loop_.post(net::make_task([this] {
    table_.rebase();
    rules_.store(table_.rules(), std::memory_order_relaxed);
  }));
}

void PurgeSweeper::apply(Rules rules) {
  loop_.post(net::make_task([this, rules = std::move(rules)] {
    for (const cache::PurgeRule& rule : *rules) table_.apply(rule);
    rules_.store(table_.rules(), std::memory_order_relaxed);
    if (!timer_.armed()) begin();
  }));
}

// A whole round from here on.
void PurgeSweeper::begin() {
  from_ = table_.position();
  round_ = cursor_.rounds;
  cursor_.shard = 0;
  cursor_.bucket = 0;
  loop_.timers().arm(timer_, loop_.now() + sweep_every);
}

void PurgeSweeper::on_timer(net::Timer&) {
  pruning_ ? prune_some() : sweep_some();
  rules_.store(table_.rules(), std::memory_order_relaxed);
  if (table_.rules() == 0 && !pruning_) return;
  loop_.timers().arm(timer_, loop_.now() + sweep_every);
}

void PurgeSweeper::sweep_some() {
  size_t swept = 0;
  for (int step = 0; step < sweep_steps && cursor_.rounds == round_; ++step)
    swept += store_.sweep(cursor_, {}, table_);
  metrics_.add(Metric::purge_swept, swept);
  if (cursor_.rounds != round_) pruning_ = fills_.oldest_purge_stamp(from_);
}

// The workers' tables have seen the same rules, and lose the same with each message.
void PurgeSweeper::prune_some() {
  for (NodeWorker* worker : workers_) {
    worker->loop().post(net::make_task(
        [to = &worker->worker(), floor = *pruning_] { to->purges().prune(floor, prune_max); }));
  }
  if (!table_.prune(*pruning_, prune_max)) return;
  pruning_.reset();
  round_ = cursor_.rounds;
  from_ = table_.position();
}

}  // namespace perigee

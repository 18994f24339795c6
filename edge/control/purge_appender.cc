#include "edge/control/purge_appender.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace perigee::control {

PurgeAppender::PurgeAppender(net::Loop& loop, net::Loop& disk, net::Files& files,
                             PurgeAppenderOptions options, PurgeApplier& applier, Log log)
    : loop_(loop),
      disk_(disk),
      options_(std::move(options)),
      applier_(applier),
      log_(log),
      journal_(files, options_.journal) {
  set_nodes({options_.self});
}

Result<void> PurgeAppender::start() {
  std::string why_not;
  if (auto content = journal_.load(why_not)) {
    epoch_ = content->before.epoch;
    records_ = std::move(content->commands);
    head_ = content->before.sequence + records_.size();
    while (records_.size() > options_.records_kept) records_.pop_front();
  } else {
    // Any other number than the one before: a clock that was set back does no harm unless it hits that
    // second.
    epoch_ = static_cast<uint64_t>(std::max<int64_t>(unix_seconds(loop_.wall_now()), 1));
    if (!why_not.empty()) log_.warning("purge_journal_unusable", {{"why", std::string_view(why_not)}});
    if (auto written = journal_.write({head(), {}}); !written) return written;
  }
  applier_.rebase(head());
  applier_.verified_until(std::nullopt);
  applied(options_.self, head_);
  return {};
}

// Who was not there before has until away_after to turn up.
void PurgeAppender::set_nodes(std::vector<std::string> names) {
  std::map<std::string, NodeState> nodes;
  for (std::string& name : names) {
    NodeState& state = nodes[name];
    const auto before = nodes_.find(name);
    if (before != nodes_.end()) {
      state = before->second;
    } else {
      state.last_heard = loop_.now();
    }
  }
  nodes_ = std::move(nodes);
  settle();
}

void PurgeAppender::append(std::vector<PurgeCommand> commands, Duration wait, AppendDone done) {
  uncommitted_.push_back({std::move(commands), loop_.now() + wait, std::move(done)});
  if (!std::exchange(committing_, true)) loop_.post(net::make_task([this] { commit(); }));
}

void PurgeAppender::commit() {
  auto batch = std::make_shared<Batch>();
  batch->appends = std::exchange(uncommitted_, {});
  for (const Uncommitted& one : batch->appends)
    batch->commands.insert(batch->commands.end(), one.commands.begin(), one.commands.end());
  // The disk loop gives up its hold with the message, so that callbacks end where they came from.
  disk_.post(net::make_task([this, batch = std::move(batch)]() mutable {
    write(*batch);
    loop_.post(net::make_task([this, batch = std::move(batch)] { committed(*batch); }));
  }));
}

// On the disk loop. The longer journal is still good when it could not be compacted.
void PurgeAppender::write(Batch& batch) {
  batch.written = journal_.append(batch.commands);
  if (!batch.written || journal_.lines() <= 2 * options_.records_kept) return;
  if (auto kept = journal_.keep_last(options_.records_kept); !kept) batch.compaction = kept.error();
}

void PurgeAppender::committed(Batch& batch) {
  if (batch.compaction)
    log_.warning("purge_journal_failed", {{"why", std::string_view(batch.compaction->context)}});
  if (!batch.written) {
    log_.error("purge_journal_failed", {{"why", std::string_view(batch.written.error().context)}});
    for (Uncommitted& one : batch.appends)
      one.done(fail(Side::internal, "purge_log_failed", batch.written.error().context));
  } else {
    for (Uncommitted& one : batch.appends) {
      head_ += one.commands.size();
      waiting_.push_back({head_, one.deadline, std::move(one.done)});
    }
    records_.insert(records_.end(), batch.commands.begin(), batch.commands.end());
    applier_.apply(batch.commands, [this, to = head_] { applied(options_.self, to); });
    // By as many as came, so that it never takes long.
    while (records_.size() > options_.records_kept) records_.pop_front();
    answer_polls();
    arm();
  }
  committing_ = !uncommitted_.empty();
  if (committing_) commit();
}

void PurgeAppender::applied(const std::string& node, uint64_t sequence) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  found->second.applied = sequence;
  found->second.heard = true;
  found->second.last_heard = loop_.now();
  settle();
}

bool PurgeAppender::must_reset(const PurgePoll& poll) const {
  return poll.epoch != epoch_ || poll.after > head_ || poll.after + records_.size() < head_;
}

PurgeNews PurgeAppender::news(const PurgePoll& poll) const {
  PurgeNews news;
  news.epoch = epoch_;
  news.head = head_;
  news.reset = must_reset(poll);
  if (news.reset) return news;
  const size_t first = records_.size() - static_cast<size_t>(head_ - poll.after);
  const size_t last = std::min(records_.size(), first + news_max);
  news.commands.assign(records_.begin() + static_cast<std::ptrdiff_t>(first),
                       records_.begin() + static_cast<std::ptrdiff_t>(last));
  return news;
}

void PurgeAppender::poll(const PurgePoll& poll, Answer answer) {
  if (!must_reset(poll)) applied(poll.node, poll.after);
  if (must_reset(poll) || poll.after < head_) return answer(news(poll));
  polling_.push_back({poll, loop_.now() + poll.wait, std::move(answer)});
  arm();
}

void PurgeAppender::answer_polls() {
  const MonoTime now = loop_.now();
  std::vector<Polling> due;
  std::erase_if(polling_, [&](Polling& one) {
    if (one.poll.after == head_ && now < one.deadline) return false;
    due.push_back(std::move(one));
    return true;
  });
  for (const Polling& one : due) one.answer(news(one.poll));
}

// A node that is away has nothing to confirm: it uses nothing without asking the origin.
PurgeState PurgeAppender::state_of(const std::string& node, uint64_t sequence) const {
  const NodeState& state = nodes_.at(node);
  if (state.heard && state.applied >= sequence) return PurgeState::applied;
  if (node == options_.self) return PurgeState::pending;
  return loop_.now() - state.last_heard >= options_.away_after ? PurgeState::away : PurgeState::pending;
}

void PurgeAppender::settle() {
  const MonoTime now = loop_.now();
  std::vector<std::pair<AppendDone, PurgeReceipt>> over;
  std::erase_if(waiting_, [&](Waiting& one) {
    PurgeReceipt receipt;
    receipt.position = {epoch_, one.sequence};
    bool pending = false;
    for (const auto& [name, state] : nodes_) {
      receipt.nodes.push_back({name, state_of(name, one.sequence)});
      pending = pending || receipt.nodes.back().state == PurgeState::pending;
    }
    if (pending && now < one.deadline) return false;
    over.emplace_back(std::move(one.done), std::move(receipt));
    return true;
  });
  for (auto& [done, receipt] : over) done(std::move(receipt));
}

void PurgeAppender::arm() {
  std::optional<MonoTime> next;
  const auto consider = [&](MonoTime at) { next = next ? std::min(*next, at) : at; };
  for (const Polling& one : polling_) consider(one.deadline);
  for (const Waiting& one : waiting_) consider(one.deadline);
  if (!waiting_.empty()) {
    for (const auto& [name, state] : nodes_) {
      const MonoTime away = state.last_heard + options_.away_after;
      if (name != options_.self && away > loop_.now()) consider(away);
    }
  }
  timer_.cancel();
  if (next) loop_.timers().arm(timer_, *next);
}

void PurgeAppender::on_timer(net::Timer&) {
  settle();
  answer_polls();
  arm();
}

}  // namespace perigee::control

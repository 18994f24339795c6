// The log of purges on the node that holds it: appends, tells the others, and knows how far each has come.
//
// Appending is one write and one sync for all that was asked for while the one before was under way; nobody
// hears of a purge that is not on disk. The disk is waited for on a loop of its own: the control loop answers
// health checks meanwhile. A node asks for what comes after the place it has applied, which is its receipt;
// when there is nothing it is answered after the time it named, so that it knows that nothing is missing.
//
// Always true: sequences have no gaps; what is in records_ is on disk; the first `records_kept` before the
// head can be told, who is further behind begins anew at the head.
//
// Ownership: the node's; neither loop runs any more when it is destroyed. Thread rule: the control loop. The
// journal is the disk loop's once the loops run.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "edge/base/log.h"
#include "edge/control/purge_journal.h"
#include "edge/control/purge_log.h"
#include "edge/control/purge_wire.h"
#include "edge/net/io.h"

namespace perigee::control {

struct PurgeAppenderOptions {
  std::string self;
  std::string journal;    // path; empty: in memory only
  Duration away_after{};  // a node silent for so long validates everything
  size_t records_kept = 20'000;
};

class PurgeAppender final : public PurgeLog, private net::TimerHandler {
 public:
  using Answer = std::function<void(PurgeNews)>;

  // disk: where the journal is written; the same loop will do when there is none.
  PurgeAppender(net::Loop& loop, net::Loop& disk, net::Files& files, PurgeAppenderOptions options,
                PurgeApplier& applier, Log log);

  // Reads the journal, or begins a new epoch. Error: the journal cannot be written.
  Result<void> start();
  // The nodes that receipts are asked of, this one included.
  void set_nodes(std::vector<std::string> names);

  void append(std::vector<PurgeCommand> commands, Duration wait, AppendDone done) override;
  // A node's question; answered at once, at the next purge, or when the time it named is over.
  void poll(const PurgePoll& poll, Answer answer);

  cluster::LogPosition head() const { return {epoch_, head_}; }

 private:
  static constexpr size_t news_max = 100;  // at once: printed and read in one turn

  struct NodeState {
    uint64_t applied = 0;
    bool heard = false;
    MonoTime last_heard{};
  };
  struct Waiting {  // an append, until every node has it
    uint64_t sequence;
    MonoTime deadline;
    AppendDone done;
  };
  struct Polling {
    PurgePoll poll;
    MonoTime deadline;
    Answer answer;
  };
  struct Uncommitted {
    std::vector<PurgeCommand> commands;
    MonoTime deadline;
    AppendDone done;
  };

  // On its way to the disk and back.
  struct Batch {
    std::vector<Uncommitted> appends;
    std::vector<PurgeCommand> commands;
    Result<void> written;
    std::optional<Error> compaction;  // why it failed
  };

  void commit();
  void write(Batch& batch);
  void committed(Batch& batch);
  void applied(const std::string& node, uint64_t sequence);
  bool must_reset(const PurgePoll& poll) const;
  PurgeNews news(const PurgePoll& poll) const;
  PurgeState state_of(const std::string& node, uint64_t sequence) const;
  void settle();
  void answer_polls();
  void arm();
  void on_timer(net::Timer& timer) override;

  net::Loop& loop_;
  net::Loop& disk_;
  const PurgeAppenderOptions options_;
  PurgeApplier& applier_;
  Log log_;
  PurgeJournal journal_;
  uint64_t epoch_ = 0;
  uint64_t head_ = 0;
  std::deque<PurgeCommand> records_;  // the last one is head_
  std::map<std::string, NodeState> nodes_;
  std::vector<Uncommitted> uncommitted_;
  bool committing_ = false;  // a batch is on its way, or will be with the next message
  std::vector<Waiting> waiting_;
  std::vector<Polling> polling_;
  net::Timer timer_{*this};
};

}  // namespace perigee::control

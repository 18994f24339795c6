// The purges of a log on disk: a header, then one line for each, oldest first, each with a checksum.
//
//   perigee-purges 1 <epoch> <sequence before the first line>
//   <checksum, 16 hexadecimal digits> {"scope":"url",...}
//
// What is appended is synced before append() returns. A last line that a crash cut short is dropped; a broken
// line anywhere else, or a broken header, makes the journal unusable: its owner then begins a new epoch.
// Compacted by rewriting when it holds far more than what anybody may still ask for.
//
// Ownership: the log's. Thread rule: one thread. Calls block for as long as the disk takes.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "edge/cluster/peer_envelope.h"
#include "edge/control/purge_command.h"
#include "edge/net/files.h"

namespace perigee::control {

class PurgeJournal {
 public:
  struct Content {
    cluster::LogPosition before;  // of the first command
    std::deque<PurgeCommand> commands;
  };

  // An empty path: nothing is kept.
  PurgeJournal(net::Files& files, std::string path) : files_(files), path_(std::move(path)) {}

  // nullopt: there is no usable journal. why_not then says what is wrong with the one there is; empty: none
  // is there.
  std::optional<Content> load(std::string& why_not);
  // Replaces the whole.
  Result<void> write(const Content& content);
  Result<void> append(std::span<const PurgeCommand> commands);
  // Leaves the last so many: read from the disk, not from memory, so that nobody has to keep them for it.
  Result<void> keep_last(size_t count);
  size_t lines() const { return lines_; }

 private:
  net::Files& files_;
  const std::string path_;
  size_t lines_ = 0;
};

}  // namespace perigee::control

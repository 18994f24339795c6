// What the nodes say to the one that holds the log of purges, and what it answers. The target of a request
// holds everything, since that is what is signed.
//
//   GET  /purges?node=eu-2&epoch=3&after=1207&wait_ms=3000    what comes after; "after" is applied
//   POST /purges?wait_ms=5000&command=<escaped JSON>&...      append, and wait for receipts
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/control/purge_log.h"

namespace perigee::control {

struct PurgePoll {
  std::string node;
  uint64_t epoch = 0;  // 0: knows nothing yet
  uint64_t after = 0;
  Duration wait{};
};

struct PurgeNews {
  uint64_t epoch = 0;
  uint64_t head = 0;                   // the log's last sequence
  bool reset = false;                  // what was asked for is not to be had: begin at head
  std::vector<PurgeCommand> commands;  // after what was asked for
};

std::string poll_target(const PurgePoll& poll);
// Of as many commands, from the first on, as fit into a target; at least one. Takes them from the span.
std::string append_target(std::span<const PurgeCommand>& commands, Duration wait);

// The value of a parameter, unescaped; empty without one.
std::string query_value(std::string_view target, std::string_view name);
// Errors: client, "bad_request".
Result<PurgePoll> read_poll(std::string_view target);
struct PurgeAppend {
  std::vector<PurgeCommand> commands;
  Duration wait{};
};
Result<PurgeAppend> read_append(std::string_view target);

std::string print_news(const PurgeNews& news);
Result<PurgeNews> read_news(std::string_view text);
// {"position":"3.1208","applied":true,"nodes":[{"node":"eu-1","state":"applied"}]}
std::string print_receipt(const PurgeReceipt& receipt);
Result<PurgeReceipt> read_receipt(std::string_view text);

}  // namespace perigee::control

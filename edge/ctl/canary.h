// A reload that one node tries first: it is watched for a while beside the others, and only if it does well
// they follow; else it goes back to what it had.
//
// Thread rule: one thread; blocking.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "edge/ctl/commands.h"

namespace perigee::ctl {

struct CanaryOptions {
  std::string node;  // who tries first
  std::chrono::milliseconds watch{30'000};
  std::chrono::milliseconds every{1'000};  // between two looks
  double failures_max = 0.01;              // share of its answers, beyond that of the others meanwhile
};

// Answers to clients since the reload.
struct AnswerCount {
  uint64_t answers = 0;
  uint64_t failures = 0;  // status 500 and above, or none
};

enum class CanaryVerdict : uint8_t { good, unreachable, restarted, not_ready, failures };
std::string_view to_string(CanaryVerdict verdict);

// What one look at the canary says.
struct CanaryLook {
  bool reachable = false;
  bool same_process = true;  // its figures have not begun anew
  bool ready = false;
  bool was_ready = true;  // before the reload
  AnswerCount canary;
  AnswerCount others;
};
// A handful of failures says nothing: below 20 answers of the canary only all of them failing does.
CanaryVerdict judge_canary(const CanaryLook& look, double failures_max);

// Exit codes: ok when every node has it, refused when none has (the canary went back, or refused), incomplete
// when some have it.
int canary_reload(const Target& target, const CanaryOptions& options);

}  // namespace perigee::ctl

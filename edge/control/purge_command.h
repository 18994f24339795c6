// A purge as an operator asks for it, as the log keeps it, and as nodes tell it each other.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"
#include "edge/cache/purge.h"
#include "edge/proxy/site.h"

namespace perigee::control {

struct PurgeCommand {
  cache::PurgeScope scope = cache::PurgeScope::everything;
  std::string subject;  // see cache::PurgeRule
  std::string site;
  bool soft = false;

  bool operator==(const PurgeCommand&) const = default;
};

inline constexpr size_t purge_commands_max = 1000;  // in one request
inline constexpr size_t purge_subject_bytes_max = 2048;

// The body of POST /purge: one of
//   {"url": "https://example.org/a?b"}       every variant, under http and https
//   {"prefix": "https://example.org/img/"}   everything that begins so
//   {"tag": "article-17", "site": "docs"}    the site may be left out
//   {"site": "docs"}
//   {"everything": true}
// each with "soft": true if wanted. url, prefix and tag may be lists. Errors: client, "bad_purge", saying
// what was found and expected. sites: those that there are.
Result<std::vector<PurgeCommand>> parse_purge_request(std::string_view body, const proxy::SiteTable& sites);

// {"scope":"tag","subject":"a","site":"docs","soft":false}, for the log and between nodes.
std::string print_command(const PurgeCommand& command);
Result<PurgeCommand> parse_command(std::string_view text);

// What a worker compares with. names: the sites in force now.
cache::PurgeRule to_rule(const PurgeCommand& command, std::shared_ptr<const cache::SiteNames> names);

}  // namespace perigee::control

// The commands of perigeectl that talk to a node. Each prints what an operator wants to see, or with json the
// node's own words, and returns an exit code.
//
// Thread rule: one thread; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/ctl/admin_client.h"

namespace perigee::ctl {

// What a script can tell apart.
enum ExitCode : int {
  exit_ok = 0,
  exit_refused = 1,      // the node said no, or something failed
  exit_usage = 2,        // the command line is wrong
  exit_unreachable = 3,  // no node answered
  exit_incomplete = 4,   // done, but not everywhere yet
};

struct Target {
  net::Address admin;
  std::shared_ptr<const net::TlsClientSettings> tls;  // of admin listeners; null: without TLS
  std::string tls_name;                               // whom they must prove to be; empty: their address
  std::string token;
  std::chrono::milliseconds timeout{10'000};
  bool json = false;
};

struct PurgeOptions {
  std::vector<std::string> urls;
  std::vector<std::string> prefixes;
  std::vector<std::string> tags;
  std::string site;
  bool everything = false;
  bool soft = false;
};

int show_status(const Target& target, bool all);
// rounds: how often; 0: until interrupted.
int show_top(const Target& target, std::chrono::milliseconds every, uint64_t rounds);
int show_topology(const Target& target);
// What clients ask this node for most just now.
int show_urls(const Target& target);
int explain(const Target& target, const std::string& url);
int purge(const Target& target, const PurgeOptions& options);
int list_purges(const Target& target);
int reload(const Target& target);
int diff_config(const Target& target);
int list_reloads(const Target& target);
int roll_back(const Target& target, uint64_t id);
int drain(const Target& target, bool back);
// Fetches every URL of the list ("-": standard input) through the client listener at `through`.
int warm(const Target& target, const std::string& file, const net::Address& through);

// Of counts by bucket: the one that holds the quantile; nothing without counts.
std::optional<size_t> bucket_of_quantile(const std::vector<uint64_t>& buckets, double share);
// The body of POST /purge; empty when the options name nothing, or more than one kind.
std::string purge_body(const PurgeOptions& options);
// A table with aligned columns; the first row is the heading, cells that look like numbers are right-aligned.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace perigee::ctl

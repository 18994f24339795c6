// One request of a simulated client, and what became of it.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/base/clock.h"

namespace perigee::sim {

struct Ask {
  uint64_t number = 0;  // from 1; travels in x-sim-request
  std::string node;
  std::string method = "GET";
  uint32_t resource = 0;
  unsigned language = 0;
  std::string range;                 // value of Range; empty: none
  std::optional<uint64_t> if_range;  // version whose tag is sent
  std::optional<uint64_t> known;     // version whose tag is sent in If-None-Match
  bool no_cache = false;
  size_t content_bytes = 0;              // of an unsafe request
  std::optional<uint64_t> leaves_after;  // the client resets the connection after so many body bytes
  bool slow = false;                     // pauses now and then while it reads

  bool is_unsafe() const { return method != "GET" && method != "HEAD"; }
};

// How an ask ended.
enum class End : uint8_t {
  running,
  complete,   // by the framing of the answer
  cut,        // the connection ended within the answer
  no_answer,  // the connection ended before a head
  no_connection,
  left,       // the client's own doing
  gave_up,    // nothing for longer than any client waits
  malformed,  // what came is no HTTP
};
std::string_view to_string(End end);

struct Outcome {
  Ask ask;
  MonoTime sent{};
  std::optional<MonoTime> head_at;
  std::optional<MonoTime> first_byte_at;  // of the content
  MonoTime ended{};
  End end = End::running;
  bool reused_connection = false;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // lower-case names
  uint64_t body_bytes = 0;
  // The first thing that is wrong with the bytes; empty: every byte that came is the right one at its place.
  std::string body_fault;
  uint64_t body_digest = 0;

  // Of all lines of that name, joined with ", "; empty without one.
  std::string field(std::string_view name) const;
  bool has(std::string_view name) const;
};

}  // namespace perigee::sim

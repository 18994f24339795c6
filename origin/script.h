// The scripted space: how an answer is to be, read from the parameters of the request's query.
//
//   what it is   size=1024 (also 20MB, 64KiB)  version=1  id=NAME (default: path and query)
//                vary=NAME[,NAME] (those request fields are part of the id)  etag=TEXT|none  lm=SECONDS (Unix
//                time)
//   how it comes latency=5s (before the head)  pause=1s (before the body)  rate=20MB (a second)  drip=10ms (a
//   byte)
//                framing=length|chunked|close  chunked=1  ranges=0 (Range is ignored)  interim=102[,103]
//                (before the latency)
//   its head     status=200  cc=TEXT (cache-control)  ct=TEXT (content-type)  location=TEXT  setcookie=TEXT
//   h=NAME:VALUE lies         truncate=N (ends in order after N body bytes)  reset=N (resets after them)
//   stall=N (says no more after them)
//                overrun=N (N more bytes than announced)  length=N (announces N)  badchunk=N (a broken chunk
//                size after N) garbage=1 (no head at all, noise)  silent=1 (closes without a byte)
//                slowhead=10ms (a byte of the head)
//
// setcookie, h and location may be given several times. A lie is told over the bare stream and ends the
// connection.
//
// Thread rule: plain value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/http/message.h"
#include "origin/answer.h"
#include "origin/paced_source.h"
#include "origin/query.h"

namespace perigee::origin {

enum class ScriptFraming : uint8_t { length, chunked, until_close };

struct Lies {
  std::optional<uint64_t> truncate;
  std::optional<uint64_t> reset;
  std::optional<uint64_t> stall;
  std::optional<uint64_t> bad_chunk;
  std::optional<uint64_t> announced;
  uint64_t overrun = 0;
  bool garbage = false;
  bool silent = false;
  Duration slow_head{};

  bool any() const {
    return truncate || reset || stall || bad_chunk || announced || overrun > 0 || garbage || silent ||
           slow_head > Duration::zero();
  }
};

struct Script {
  uint64_t size = 1024;
  uint64_t version = 1;
  std::string id;  // empty: the request's target
  std::vector<std::string> vary;
  std::optional<std::string> etag;  // "none": without
  std::optional<int64_t> last_modified;
  Duration latency{};
  Pace pace;
  ScriptFraming framing = ScriptFraming::length;
  bool ranges = true;
  std::vector<int> interim;
  int status = 200;
  std::string content_type = "application/octet-stream";
  std::string cache_control;
  std::string field_lines;  // location, setcookie and h, ready to send
  Lies lies;

  // Whether the answer needs the bare stream.
  bool is_raw() const { return lies.any() || framing == ScriptFraming::until_close; }
};

// Errors: client, "bad_script"; the context names the parameter, what was found and what was expected.
// Unknown names are ignored, so that a test can make targets differ.
Result<Script> parse_script(const Query& query);

// "1500", "20MB" (millions), "64KiB".
std::optional<uint64_t> parse_size(std::string_view text);
// "5s", "200ms", "10us".
std::optional<Duration> parse_duration(std::string_view text);

// What x-body-id says: the script's id or the target, and the values of the selecting header fields.
std::string body_identity(const Script& script, const http::RequestHead& request);

Answer script_answer(const Script& script, const http::RequestHead& request, const std::string& identity,
                     WallTime now);

}  // namespace perigee::origin

// A trace: who asked for what and when, without saying what it was. One line of csv per request,
//
//   time,id,size
//
// time in seconds (a fraction is allowed), id any text without a comma, size of the whole response body in
// bytes. A first line that does not begin with a number is a heading. More columns are ignored.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"

namespace perigee::trace {

struct Request {
  int64_t time_us = 0;
  uint32_t id = 0;  // from 0 on, without gaps, in the order of first use; see Trace::name()
  uint64_t size = 0;
};

struct Trace {
  std::vector<Request> requests;
  std::vector<std::string> names;  // by id; empty when ids are their own names

  std::string name(uint32_t id) const { return names.empty() ? std::to_string(id) : names[id]; }
  // One more than the largest id.
  size_t ids() const;
};

// All bytes of a file. Errors: client, "io".
Result<std::string> read_text(const std::string& path);

// Errors: side client; "io" when it cannot be read, "bad_trace" with the line, what was found and expected.
Result<Trace> read_csv(const std::string& path);
Result<Trace> parse_csv(std::string_view text, std::string_view path);
void write_csv(const Trace& trace, std::FILE* out);

}  // namespace perigee::trace

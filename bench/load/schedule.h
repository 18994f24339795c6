// What a run asks that replays a trace, and when: from lines of time,id,size, from a generated mix of such
// requests, or from an access log of ours (JSON lines).
//
// Ownership: main owns it, a run looks at it. Thread rule: immutable once made.
//
// Always true: times start with 0 and do not go back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/trace/trace.h"
#include "edge/base/result.h"

namespace perigee::load {

class Schedule {
 public:
  // A trace names no URL: target is a template in which {id} and {size} are replaced.
  static Schedule from_trace(const trace::Trace& trace, std::string_view target);
  // GETs of an access log; other methods are skipped. Only the fields ts, method, host and path are looked
  // at. Errors: side client, "bad_log" with the line.
  static Result<Schedule> from_access_log(std::string_view text, std::string_view path);
  // From a file of either kind: a log is what begins with "{". Errors: those of above, and "io".
  static Result<Schedule> read(const std::string& path, std::string_view target);

  size_t size() const { return entries_.size(); }
  // Since the first request.
  int64_t at_ns(size_t index) const { return entries_[index].at_us * 1000; }
  void append_target(std::string& out, size_t index) const;
  // Empty: the trace does not say.
  std::string_view host(size_t index) const;
  // Of a trace: the id, which is what a self-verifying body is about.
  std::string id(size_t index) const;
  bool has_urls() const { return target_.empty(); }
  size_t skipped() const { return skipped_; }

 private:
  struct Entry {
    int64_t at_us = 0;
    uint32_t text = 0;  // the id or the target, in texts_; without those an id is its own name
    uint32_t host = 0;
    uint64_t size = 0;
  };

  void put_in_order();

  std::string target_;  // template; empty for a log
  std::vector<std::string> texts_;
  std::vector<std::string> hosts_;
  std::vector<Entry> entries_;
  size_t skipped_ = 0;
};

}  // namespace perigee::load

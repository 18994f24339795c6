// What the origin has received and sent, and the state that scripted resources have: versions and overrides.
//
// One per process, shared by its workers. Thread rule: any thread; one mutex, held for moments.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/base/clock.h"
#include "edge/http/message.h"
#include "edge/serve/handler.h"

namespace perigee::origin {

class Recorder {
 public:
  explicit Recorder(size_t log_max = 100'000) : log_max_(log_max) {}

  // A request has come in; returns its number, from 1.
  uint64_t begin(const http::RequestHead& request, std::string_view path, WallTime now);
  // Which body it is about; counted for GET.
  void about(uint64_t number, std::string_view id, bool is_get);
  void first_body_byte(uint64_t number, WallTime now);
  // how: "complete", "client_gone", ...; a literal.
  void end(uint64_t number, int status, uint64_t body_bytes, std::string_view how, WallTime now);

  // One JSON object per line, oldest first, of requests with a number above `after`. Beyond log_max the
  // oldest are gone.
  std::string log(uint64_t after) const;
  std::string stats() const;
  void clear();

  // Of counter resources: begins at 1.
  uint64_t version(const std::string& id) const;
  uint64_t bump(const std::string& id);
  // A query that is appended to every scripted request for this id; an empty one removes it.
  void set_override(const std::string& id, std::string query);
  std::string override_of(const std::string& id) const;

 private:
  struct Entry {
    uint64_t number = 0;
    WallTime time{};
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string id;
    WallTime first_byte{};
    WallTime ended{};
    int status = 0;
    uint64_t body_bytes = 0;
    std::string_view how = "running";
  };
  Entry* find(uint64_t number);

  const size_t log_max_;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;  // consecutive numbers
  uint64_t last_ = 0;
  uint64_t requests_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t running_ = 0;
  uint64_t running_max_ = 0;
  std::map<std::string, uint64_t, std::less<>> gets_;
  std::map<std::string, uint64_t, std::less<>> methods_;
  std::map<std::string, uint64_t> versions_;
  std::map<std::string, std::string> overrides_;
};

std::string_view to_string(serve::ExchangeEnd end);

}  // namespace perigee::origin

// Where the lines of a LogWriter end up.
//
// Thread rule: log() on the writer's thread; reopen() and dropped() on any.
#pragma once

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace perigee::control {

class LineSink : public spdlog::sinks::sink {
 public:
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  // Before the next line.
  virtual void reopen() = 0;
  // Lines that the target did not take.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 protected:
  void drop() { dropped_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace perigee::control

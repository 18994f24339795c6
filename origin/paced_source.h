// The body of an answer, given out no faster than its pace allows.
//
// Owned by whoever sends the answer; pulled by a ServerExchange or by a RawAnswer. Uses one timer of its loop
// while it waits.
//
// Thread rule: the loop's thread.
#pragma once

#include <functional>
#include <string>

#include "edge/net/io.h"
#include "edge/serve/handler.h"
#include "origin/answer.h"

namespace perigee::origin {

struct Pace {
  uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  Duration drip{};                // one byte per so long; zero: not
  Duration pause{};               // before the first byte
};

class PacedSource final : public serve::BodySource, private net::TimerHandler {
 public:
  // ready is called from the loop when there is something after a wait; first_byte once, when the first byte
  // is given out.
  PacedSource(net::Loop& loop, std::vector<BodyPart> parts, std::shared_ptr<Content> content,
              const Pace& pace, std::function<void()> ready);

  State pull(std::span<Slice> out, size_t& count) override;
  void consumed(size_t bytes) override;

  uint64_t bytes_consumed() const { return consumed_; }
  std::function<void()> on_first_byte;

 private:
  static constexpr size_t buffer_bytes = 64 * 1024;

  void on_timer(net::Timer& timer) override;
  uint64_t allowed() const;
  bool fill(size_t bytes_max);
  void wait();

  net::Loop& loop_;
  std::vector<BodyPart> parts_;
  std::shared_ptr<Content> content_;
  Pace pace_;
  std::function<void()> ready_;
  net::Timer timer_;
  MonoTime start_;
  std::string buffer_;
  size_t buffer_at_ = 0;  // consumed of the buffer
  size_t part_ = 0;
  uint64_t part_at_ = 0;  // put into the buffer of the current part's text and content
  uint64_t given_ = 0;    // put into the buffer so far
  uint64_t consumed_ = 0;
};

}  // namespace perigee::origin

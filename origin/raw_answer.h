// An answer that no honest server gives: written over the bare stream, cut, overlong, broken or slow as its
// script says.
//
// Owns itself until the stream is closed. Thread rule: the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "edge/serve/handler.h"
#include "origin/paced_source.h"
#include "origin/recorder.h"
#include "origin/script.h"

namespace perigee::origin {

class RawAnswer final : private net::StreamHandler, private net::TimerHandler {
 public:
  // Takes the stream over and begins. number is the request's in the recorder.
  static void start(net::Loop& loop, serve::TakenStream taken, const Script& script, Answer answer,
                    bool head_only, Recorder& recorder, uint64_t number);

 private:
  // In the order in which they happen.
  enum class Step : uint8_t { head, body, over };

  RawAnswer(net::Loop& loop, net::Stream& stream, const Script& script, Answer answer, bool head_only,
            Recorder& recorder, uint64_t number);

  void on_read(std::string_view) override {}
  void on_end() override;
  void on_writable() override { advance(); }
  void on_error(net::StreamError error) override;
  void on_closed() override;
  void on_timer(net::Timer& timer) override;
  void advance();
  bool write_head();
  bool write_body();
  void write_chunk(std::string_view bytes);
  bool at_limit();
  void end_body();
  bool flush();

  net::Loop& loop_;
  net::Stream& stream_;
  const Script script_;
  Recorder& recorder_;
  const uint64_t number_;
  const int status_;
  const bool head_only_;
  PacedSource source_;
  net::Timer timer_;
  std::string head_;     // not written yet
  std::string pending_;  // framed body bytes not taken yet
  uint64_t sent_ = 0;    // body bytes, without framing
  Step step_ = Step::head;
  bool head_waits_ = false;
  bool reset_waits_ = false;
  bool close_when_out_ = false;
};

}  // namespace perigee::origin

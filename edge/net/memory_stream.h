// A stream of the in-memory twin: one end of two pipes.
//
// It behaves as a Linux socket does where that matters to HTTP: a close with unread bytes becomes a reset
// behind what was sent, bytes for a closed end are answered with a reset, and data that arrived before a
// reset can still be read.
//
// Owned by its loop until on_closed() has returned.
//
// Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "edge/net/memory_loop.h"
#include "edge/net/memory_pipe.h"

namespace perigee::net {

class MemoryStream final : public Stream,
                           public MemorySource,
                           public std::enable_shared_from_this<MemoryStream> {
 public:
  static std::shared_ptr<MemoryStream> connect(MemoryLoop& loop, const Address& to, StreamHandler& handler);
  // The accepting end of what the other stream asked for; it waits in an accept queue for its handler.
  static std::shared_ptr<MemoryStream> answer(MemoryLoop& loop, MemoryStream& client, const Address& local);

  MemoryStream(MemoryLoop& loop, Address local, Address remote, StreamHandler* handler)
      : loop_(loop), local_(local), remote_(remote), handler_(handler) {}

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void read_start() override;
  void read_stop() override { reading_ = false; }
  size_t write(std::span<const Slice> slices) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  Address local_address() const override { return local_; }
  Address remote_address() const override { return remote_; }

  // From the loop: everything that is ready, one callback of each kind.
  void run_ready() override;

  // From the network.
  void mark_ready();
  void hear_reset();
  void establish();
  void refuse(StreamError why);
  // As if a box between the ends had reset both.
  void break_connection();
  // An end that nobody accepted.
  void abandon();

  void set_number(uint64_t number) { number_ = number; }
  uint64_t number() const { return number_; }
  std::pair<std::string, std::string> nodes() const { return {out_->from(), out_->to()}; }
  bool closing() const { return closing_; }
  bool connecting() const { return state_ == State::connecting; }

 private:
  enum class State : uint8_t { connecting, established, open, failed };

  static void knock(std::shared_ptr<MemoryStream> stream);
  void join(std::shared_ptr<MemoryPipe> in, std::shared_ptr<MemoryPipe> out);
  void finish_close();
  void release();
  bool report_failure();
  void read_once();
  void end_once();

  MemoryLoop& loop_;
  Address local_, remote_;
  StreamHandler* handler_;
  std::shared_ptr<MemoryPipe> in_, out_;
  uint64_t number_ = 0;
  State state_ = State::open;
  StreamError error_ = StreamError::none;
  bool reading_ = false;
  bool want_write_ = false;
  bool write_failed_ = false;
  bool shut_ = false;
  bool ended_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace perigee::net

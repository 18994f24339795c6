// A TCP connection on a UvLoop: a non-blocking descriptor of ours, watched by a uv_poll_t. Internal to
// edge/net.
//
// One read(2) per readable event: a short read means drained, a full buffer lets the others have their turn
// first, as epoll will tell again. What an accepted stream has read is handed out together with what the
// others have (UvReads), what one of our own connects has read at once. Writes go out at once; the descriptor
// is watched for room only after a short one. The watched events change lazily: read_stop() leaves the watch
// alone until bytes come that nobody wants. While nothing is wanted the descriptor is watched for urgent data
// only, which nobody sends, because that also reports a reset.
//
// Owns itself until on_closed() has returned.
//
// Thread rule: the loop's thread.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <string_view>

#include "edge/net/stream.h"
#include "edge/net/uv_loop.h"

namespace perigee::net {

struct Sent;

class UvStream final : public Stream, public UvDeferred {
 public:
  static UvStream& connect(UvLoop& loop, const Address& to, StreamHandler& handler);
  // Takes a connected, non-blocking descriptor; nullptr (and it is closed) when it cannot be watched. It
  // needs a handler before the loop turns.
  static UvStream* adopt(UvLoop& loop, int fd, const Address& remote);

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void read_start() override;
  void read_stop() override { reading_ = false; }
  void announce_reads() override { announces_ = true; }
  size_t write(std::span<const Slice> slices) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  Address local_address() const override;
  Address remote_address() const override { return remote_; }

  void run_deferred() override;

  // What UvReads has of it is next, and is handed out.
  void prefetch() const;
  void hand_out(std::string_view bytes);

  // Where the loop keeps it in its list.
  void set_place(size_t place) { place_ = place; }
  size_t place() const { return place_; }

 private:
  enum class State : uint8_t { connecting, open, failed, closing };
  enum class Watch : uint8_t { widen, exact };

  UvStream(UvLoop& loop, const Address& remote) : loop_(loop), remote_(remote) {}
  ~UvStream() override = default;

  bool start_watching(int fd);
  void start_connect();
  void on_poll(int status, int events);
  void finish_connect(int error);
  void read_once();
  void read_for_later();
  ssize_t receive();
  void after_nothing(ssize_t size, int error);
  bool hand_out_kept();
  size_t account(const Sent& sent);
  void watch(Watch how);
  void fail_now(StreamError error);
  void fail_later(StreamError error);
  void finish_close();
  bool is_live() const { return state_ == State::connecting || state_ == State::open; }

  UvLoop& loop_;
  uv_poll_t poll_;
  StreamHandler* handler_ = nullptr;
  Address remote_;
  size_t place_ = 0;
  std::unique_ptr<std::string> kept_;  // read and not wanted when it was this stream's turn
  int fd_ = -1;
  int watched_ = 0;
  State state_ = State::open;
  StreamError error_ = StreamError::none;
  bool accepted_ = false;
  bool waits_ = false;  // in the loop's UvReads
  bool announces_ = false;
  bool polled_ = false;  // poll_ is initialised
  bool reading_ = false;
  bool want_write_ = false;
  bool ended_ = false;
  bool shut_ = false;
  bool watch_for_reset_ = true;
};

}  // namespace perigee::net

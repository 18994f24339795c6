// One HTTP/2 connection of a client (RFC 9113), over nghttp2: frames, HPACK, windows and priorities (RFC
// 9218) are the library's; what a request may be, what is answered, and how much a client may get away with
// are ours.
//
// The connection owns itself, like H1Connection: made on accept, it deletes itself in on_closed(). It owns
// its streams and the library's session. Everybody else ends it through close().
//
// Always true: between work() calls the host's output is empty and what the stream did not take is in rest_;
// while rest_ is not empty no frame is made. Handlers are called from work() only, never from inside a call
// they make. A stream whose answer is not made into frames by the end of the turn holds what it refers to.
//
// Thread rule: the loop's thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "edge/serve/connection.h"
#include "edge/serve/cut_short_streams.h"
#include "edge/serve/glitch_budget.h"
#include "edge/serve/h2_frame_heads.h"
#include "edge/serve/h2_memory.h"
#include "edge/serve/h2_stream.h"
#include "edge/serve/pace.h"
#include "edge/serve/window_credit.h"

namespace perigee::serve {

class H2Connection final : public Connection, private net::StreamHandler, private net::TimerHandler {
 public:
  H2Connection(ConnectionHost& host, net::Stream& stream);
  ~H2Connection();

  // It lies in an arena, before what its session allocates.
  static void* operator new(size_t, H2Arenas& arenas) { return arenas.take() + H2Arenas::object_at; }
  static void operator delete(void* memory, H2Arenas& arenas) { arenas.give(arena_of(memory)); }
  static void operator delete(H2Connection* connection, std::destroying_delete_t);

  void on_turn() override;
  void begin_drain() override;
  void shut_down() override { close(ExchangeEnd::shutdown); }

  // From its streams.
  ConnectionHost& host() { return host_; }
  net::Address client_address() const { return stream_->remote_address(); }
  const net::TlsFacts* tls() const { return stream_->tls(); }
  void want_turn();
  void resume(H2Stream& stream);
  void cut(H2Stream& stream);
  void send_continue(H2Stream& stream);
  void submit_interim(H2Stream& stream, const ReplyHead& head);
  // length: to announce, or unknown_length. has_body: frames of content will follow.
  void submit_reply(H2Stream& stream, const ReplyHead& head, uint64_t length, bool has_body);

 private:
  friend class Server;  // hands us the first bytes
  enum class Drain : uint8_t { none, announced, final };

  // The stream and the clock (h2_connection.cc).
  void on_read(std::string_view bytes) override;
  void on_end() override { close(ExchangeEnd::client_gone); }
  void on_writable() override;
  void on_error(net::StreamError) override { close(ExchangeEnd::client_gone); }
  void on_closed() override;
  void on_timer(net::Timer& timer) override;
  ssize_t feed(std::string_view bytes);
  void work();
  void deliver_content();
  void send();
  bool gather();
  void flush();
  bool reap(bool all = true);
  void hold_answers();
  void settle();
  void update_deadline();
  void end_stalled(MonoTime now);
  bool is_too_slow_together(MonoTime now);
  bool takes_too_little(H2Stream& stream, bool too_slow_together, MonoTime now) const;
  bool sends_too_little(H2Stream& stream, MonoTime now) const;
  void finish_drain();
  void close(ExchangeEnd how);
  static char* arena_of(void* connection) { return static_cast<char*>(connection) - H2Arenas::object_at; }
  void end_all(ExchangeEnd how);
  bool is_idle() const { return first_ == nullptr; }
  bool blocked() const { return !rest_.empty(); }

  // Frames (h2_frames.cc).
  void make_session();
  static H2Connection& of(void* self) { return *static_cast<H2Connection*>(self); }
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* self);
  static int on_extension_bytes(nghttp2_session*, const nghttp2_frame_hd* head, const uint8_t* bytes,
                                size_t size, void* self);
  static int on_extension(nghttp2_session*, void** payload, const nghttp2_frame_hd* head, void* self);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t flags, void* self);
  static int on_bad_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                           size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                           void* self);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_bad_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static int on_data(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* bytes, size_t size,
                     void* self);
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static int on_stream_closed(nghttp2_session*, int32_t id, uint32_t error, void* self);
  static ssize_t on_offer(nghttp2_session*, int32_t id, uint8_t* buffer, size_t most, uint32_t* flags,
                          nghttp2_data_source* source, void* self);
  static int on_send_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                          nghttp2_data_source* source, void* self);
  H2Stream* find(int32_t id) const;
  void begin_head(int32_t id);
  void end_block(const nghttp2_frame& frame);
  void end_head(int32_t id, bool content_follows);
  void update_priority(const nghttp2_frame_hd& head);
  void use_early_priority(int32_t id);
  void count_frame(const nghttp2_frame& frame);
  void glitch(uint32_t count = 1);
  void judge_head();
  void judge_closed(int32_t id, uint8_t type, size_t bytes);
  void charge_ignored(int32_t id, uint8_t type, size_t bytes);
  void note_cut(int32_t id);
  void fail(uint32_t error);
  void end_session(uint32_t error);
  // What callbacks of the library return: of a session that is to end nothing more is read.
  int verdict(int otherwise = 0) const { return doomed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : otherwise; }
  void refuse(H2Stream& stream, const http::Refusal& refusal);
  void report_unfinished(int status, std::string_view reason);
  void reset_stream(H2Stream& stream, uint32_t error);

  ConnectionHost& host_;
  net::Stream* stream_;
  H2Memory memory_;
  nghttp2_session* session_ = nullptr;
  H2Stream* first_ = nullptr;
  // Since a block of fields began, to the end of the read that brings its own.
  std::unique_ptr<http::H2HeadReader> head_;
  std::string rest_;             // frames that the stream did not take
  std::string priority_update_;  // of the frame that is being read
  // Of a stream that has not begun; 0: of none.
  struct {
    int32_t stream = 0;
    nghttp2_extpri priority{};
  } early_priority_;
  GlitchBudget glitches_;
  WindowCredit window_credit_;
  CutShortStreams cut_short_;
  H2FrameHeads frame_heads_;
  int32_t last_begun_ = 0;  // the highest number that a client has used
  net::Timer timer_;
  MonoTime since_;       // idle or draining since
  MonoTime look_at_;     // when the clock is looked at next, while there is something to look at
  MonoTime head_since_;  // a block of fields is unfinished since
  Pace written_;         // what the stream below takes
  Pace takes_;           // content that all streams together send while the connection's window is empty
  uint32_t requests_ = 0;
  uint32_t farewells_ = 0;  // of the client
  uint32_t turn_left_ = 0;
  Drain drain_ = Drain::none;
  enum class Block : uint8_t { none, request, trailers };
  Block block_ = Block::none;  // a block of fields has begun and not ended
  int32_t block_of_ = 0;       // the stream of the last one
  bool looking_ = false;
  bool working_ = false;
  bool more_ = false;       // content waits for what was made to be written
  uint32_t ending_ = 0;     // the error to end with once the library's call has returned
  bool receiving_ = false;  // inside of that call
  bool doomed_ = false;     // the session is to end, or ends
  bool failed_ = false;     // before anything was asked, and that was told
  bool closing_ = false;
};

}  // namespace perigee::serve

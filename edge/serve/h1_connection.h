// One HTTP/1.1 connection of a client (RFC 9112): reads requests, gives each to the Handler, writes the
// answers in order.
//
// The connection is itself the ServerExchange: HTTP/1 has one exchange at a time, pipelined requests wait
// behind it. It owns itself: made on accept, it deletes itself in on_closed(), the one place; or at a turn's
// end after take_stream(). Everybody else ends it through close(reason).
//
// Always true: requests are parsed from the receive buffer and only an unfinished or waiting rest is copied
// into tail_; between work() calls the host's batch is empty; the handler's callbacks come from work() only,
// never from inside a call the handler makes; the exchange handler hears exactly one on_exchange_end().
//
// An idle connection is sizeof(H1Connection), below 512 bytes, and owns no buffers; the Stream comes on top.
//
// Thread rule: the loop's thread.
#pragma once

#include <string>
#include <string_view>

#include "edge/http/h1.h"
#include "edge/serve/connection.h"
#include "edge/serve/framing.h"

namespace perigee::serve {

class H1Connection final : public Connection,
                           private net::StreamHandler,
                           private ServerExchange,
                           private net::TimerHandler {
 public:
  H1Connection(ConnectionHost& host, net::Stream& stream);

  void on_turn() override;
  void on_reads_handed_out() override { leave(); }
  void begin_drain() override;
  void shut_down() override;

 private:
  friend class Server;  // hands us to the listener as the stream's handler

  // In the order in which they happen; after discarding it starts again at idle.
  enum class Step : uint8_t {
    fresh,       // accepted, nothing received yet
    idle,        // between requests
    head,        // a part of a head has come
    exchange,    // a request is with the handler
    discarding,  // answered; content of the request that nobody read is still coming
    finishing,   // nothing more is read; ends when everything is written
    lingering,   // our half is ended; what still comes is thrown away so that the client can read our last
                 // answer
    taken,       // the stream has another owner
    closed,      // close() was called; on_closed() will come
  };
  enum class Content : uint8_t { none, unasked, reading, paused };
  enum class Answer : uint8_t { none, streaming, given };
  enum class CloseReason : uint8_t {
    answered,
    client_left,
    client_failed,
    idle,
    timed_out,
    stalled,
    cut,
    shut_down
  };
  enum class Advance : uint8_t { more, wait, batch_full };

  // The stream and the clock.
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError error) override;
  void on_closed() override;
  void on_timer(net::Timer& timer) override;
  void work(bool from_tail);
  bool settle(Advance last, bool waited);
  void settle_end_of_input();
  void keep_rest(bool from_tail);
  void update_reading();
  void update_deadline();
  void on_deadline();
  void finish();
  void linger(size_t received);
  void close(CloseReason reason);
  void end_exchange(ExchangeEnd end);
  bool all_out() const { return !blocked_ && leaving_.empty() && queue_.empty(); }

  // Reading (h1_reading.cc).
  Advance advance();
  Advance read_head();
  Advance begin_exchange();
  Advance read_content();
  Advance discard_content();
  void after_answer();
  void refuse(int status, std::string_view reason);
  void report_refused(int status, std::string_view reason);
  void read_request_body() override;
  void pause_request_body() override;

  // Answering (h1_answering.cc).
  void reply(const ReplyHead& head, std::string_view body, const Hold& hold) override;
  bool reply_in_pieces(const ReplyHead& head, std::span<const Slice> body, const Hold& hold) override;
  void reply(const ReplyHead& head, BodySource& source) override;
  void send_interim(const ReplyHead& head) override;
  void body_ready() override;
  void cut() override;
  TakenStream take_stream() override;
  bool batching() const { return working_; }
  size_t begin_answer(const ReplyHead& head, uint64_t content_length, char* lines);
  void gather(const ReplyHead& head, uint64_t length, std::span<const Slice> body, uint64_t body_bytes,
              const Hold& hold);
  void write_text(std::string_view first, std::string_view second, std::string_view third);
  bool set_aside(Advance last);
  void leave();
  void send();
  bool flush();
  bool pull_body();
  bool add_body(std::span<const Slice> slices);
  void finish_body();
  bool unread_content_is_small() const;

  const http::RequestHead& request() const override { return host_.head; }
  net::Loop& loop() const override { return host_.loop; }
  net::Address client_address() const override { return stream_->remote_address(); }
  std::string_view scheme() const override { return host_.options.scheme; }
  const net::TlsFacts* tls() const override { return stream_->tls(); }
  void set_handler(ExchangeHandler& handler) override { handler_ = &handler; }

  ConnectionHost& host_;
  net::Stream* stream_;
  ExchangeHandler* handler_ = nullptr;
  BodySource* source_ = nullptr;
  std::string_view input_;  // during work(): what was received and is not used up
  std::string tail_;        // between work() calls: the same, copied
  OutputQueue queue_;
  Slice leaving_;  // answers set aside in the batch while the loop hands out reads
  http::BodyReader content_reader_;
  uint64_t content_length_ = 0;  // of the request, by its framing
  uint64_t answer_left_ = 0;     // of an announced content-length, not yet given by the source
  uint64_t chunk_left_ = 0;      // of a chunk whose size is out
  net::Timer timer_;
  MonoTime deadline_ =
      MonoTime::max();  // the timer may fire earlier and is then armed again: no wheel operation per request
  MonoTime armed_for_ = MonoTime::max();
  MonoTime since_;        // when this step's clock began: progress of the client, or a head's first byte
  uint32_t scanned_ = 0;  // bytes of an unfinished head that the parser has seen
  uint32_t requests_ = 0;
  uint32_t unwanted_left_ = 0;  // bytes still thrown away while discarding or lingering
  uint32_t turn_left_ = 0;      // body bytes that may still be written in this work()
  RequestFacts facts_;
  AnswerPlan plan_;
  Step step_ = Step::fresh;
  Content content_ = Content::none;
  Answer answer_ = Answer::none;
  bool chunked_content_ = false;
  bool expects_continue_ = false;
  bool content_read_ = false;  // read_request_body() was called
  bool working_ = false;
  bool blocked_ = false;  // the kernel took less than offered; on_writable() will come
  bool reading_ = false;
  bool client_ended_ = false;  // its half; it may still read (RFC 9112 9.6)
  bool cut_wanted_ = false;
  bool linger_ = false;  // the client may still be sending when we finish
};

}  // namespace perigee::serve

// One stream of an HTTP/2 connection: a request and its answer.
//
// Made by its connection when a head begins and deleted by it once the stream is closed and what was written
// of it is accounted for. Content of the request that its handler does not read yet waits here, at most a
// stream's window of it; only what was read is given back to the client's windows.
//
// Thread rule: the loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "edge/serve/connection.h"
#include "edge/serve/pace.h"

namespace perigee::serve {

class H2Connection;
class H2Output;

class H2Stream final : public ServerExchange {
 public:
  H2Stream(H2Connection& connection, int32_t id, MonoTime now);
  ~H2Stream() { release_hold(); }
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  static void* operator new(size_t bytes, FreeLists& lists);
  static void operator delete(void* memory, FreeLists& lists) { lists.give(memory); }
  static void operator delete(H2Stream* stream, std::destroying_delete_t);

  // What the connection asks of its streams.
  enum class Give : uint8_t {
    some,   // bytes are there
    last,   // they are the last; perhaps none
    flush,  // what was taken must be written before more can be said
    wait,   // nothing now
    failed
  };
  // How many bytes of the answer can go out now, at most `most`.
  Give offer(size_t most, size_t& bytes);
  // The bytes just offered, into the output.
  void take(size_t bytes, H2Output& out);
  // What was taken is written, or copied.
  void taken_is_written();

  void receive(std::string_view bytes);
  void receive_end();
  // Hands waiting content to the handler; returns how many bytes it has taken off the client's windows.
  size_t deliver();
  void end(ExchangeEnd how);
  // Views of the answer must last beyond this turn.
  void keep_answer();

  int32_t id() const { return id_; }
  // More of the answer could go out if the client let it.
  bool has_more() const { return answered_ && !complete_ && !waiting_; }

  // ServerExchange.
  const http::RequestHead& request() const override;
  net::Loop& loop() const override;
  net::Address client_address() const override;
  std::string_view scheme() const override;
  const net::TlsFacts* tls() const override;
  void reply(const ReplyHead& head, std::string_view body, const Hold& hold) override;
  void reply(const ReplyHead& head, BodySource& source) override;
  void reply_held(const ReplyHead& head, const Hold& hold, BodySource& source) override;
  void send_interim(const ReplyHead& head) override;
  void body_ready() override;
  void set_handler(ExchangeHandler& handler) override { handler_ = &handler; }
  void read_request_body() override;
  void pause_request_body() override { reading_ = false; }
  void cut() override;
  TakenStream take_stream() override { return {}; }

 private:
  friend class H2Connection;

  Give offer_body(size_t most, size_t& bytes);
  Give offer_source(size_t most, size_t& bytes);
  void release_hold();

  H2Connection& connection_;
  const int32_t id_;
  H2Stream* previous_ = nullptr;
  H2Stream* next_ = nullptr;
  ExchangeHandler* handler_ = nullptr;
  BodySource* source_ = nullptr;
  std::string_view body_;  // of an answer given as a whole: what is not taken yet
  Hold hold_;
  bool holding_ = false;     // it is acquired
  bool head_lasts_ = false;  // hold_ covers the head's lines
  uint64_t left_ = 0;        // bytes of the answer that were announced and not taken yet
  size_t unwritten_ = 0;     // bytes of the source that were taken and not written yet
  std::string content_;      // of the request, received and not delivered
  size_t discarded_ = 0;     // of the same, not wanted: to be given back to the windows
  Pace takes_;               // how fast the client takes what of the answer it could have
  Pace sends_;               // and sends the content that is awaited
  std::array<char, 3> status_{};
  bool head_method_ = false;
  bool expects_continue_ = false;
  bool wants_content_ = false;  // the request has content that a handler could read
  bool reading_ = false;        // the handler wants it now
  bool content_ended_ = false;
  bool end_delivered_ = false;
  bool answered_ = false;  // an answer was given
  bool complete_ = false;  // all of it was made into frames
  bool waiting_ = false;   // for its source
  bool closed_ = false;    // by HTTP/2; lives on only to be accounted for
  bool cut_ = false;
  bool in_output_ = false;
};

}  // namespace perigee::serve

// An HTTP/2 client on the in-memory network, over nghttp2: requests, and what came back for each.
//
// Thread rule: the test's one thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/node/support/test_client.h"

namespace perigee::test {

class H2Client final : private net::StreamHandler {
 public:
  struct Exchange {
    Answer answer;
    bool closed = false;
    uint32_t error = 0;
    std::string content;  // of the request, not sent yet
    bool more_content = false;
  };

  H2Client(net::Loop& loop, const net::Address& to);
  H2Client(net::Loop& loop, const net::Address& to, const TestTls& tls);
  ~H2Client();

  // Returns the stream's id. content: null for none.
  int32_t request(std::string_view method, std::string_view path, std::string_view authority = "a.example",
                  const Headers& headers = {}, const std::string* content = nullptr);
  int32_t get(std::string_view path) { return request("GET", path); }
  // A request whose content comes later, by send_content().
  int32_t begin_upload(std::string_view path, const Headers& headers = {});
  void send_content(int32_t id, std::string bytes, bool last);
  void reset(int32_t id, uint32_t error = NGHTTP2_CANCEL);
  // How much of an answer may come before the client has read it; before the first request.
  void set_window(uint32_t bytes);
  // Windows grow only when this is called with what was received.
  void hold_windows() { hold_windows_ = true; }
  void open_window(int32_t id, int32_t bytes);
  void pause() { stream_->read_stop(); }
  void resume() { stream_->read_start(); }

  const Exchange& exchange(int32_t id) { return exchanges_[id]; }
  const std::vector<int32_t>& closed_order() const { return closed_order_; }
  bool goaway() const { return goaway_; }
  uint32_t goaway_error() const { return goaway_error_; }
  bool ended() const { return ended_; }
  const net::TlsFacts* tls() const { return stream_->tls(); }

 private:
  void begin();
  void flush();
  void on_connected() override { flush(); }
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override { flush(); }
  void on_error(net::StreamError error) override;
  void on_closed() override { closed_ = true; }

  net::Stream* stream_ = nullptr;
  std::string_view scheme_;
  nghttp2_session* session_ = nullptr;
  std::string out_;
  std::map<int32_t, Exchange> exchanges_;
  std::vector<int32_t> closed_order_;
  bool hold_windows_ = false;
  bool goaway_ = false;
  uint32_t goaway_error_ = 0;
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace perigee::test

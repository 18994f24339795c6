// A client on the in-memory network: sends requests, or raw bytes, and collects what comes back.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/http/h1.h"
#include "edge/net/memory_io.h"
#include "edge/net/tls_stream.h"

namespace perigee::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  int status = 0;
  Headers headers;  // lower-case names
  std::string body;
  std::vector<int> interims;
  bool complete = false;  // false: the connection ended or broke before the framing said so

  // Values of all lines of that name, joined with ", "; "" without one.
  std::string header(std::string_view name) const;
  bool hit() const { return header("cache-status").find("; hit") != std::string::npos; }
};

// How a connection speaks TLS: whom it trusts, and whom it wants to speak to.
struct TestTls {
  net::TlsFactory& factory;
  std::shared_ptr<net::TlsClientContext> context;
  std::string name = "a.example";
  std::string resume_key = {};  // sessions are resumed among connections that share it; empty: the name
};

// One connection. Answers are parsed in order; methods says what each request was.
class TestConnection final : private net::StreamHandler {
 public:
  TestConnection(net::Loop& loop, const net::Address& to);
  TestConnection(net::Loop& loop, const net::Address& to, const TestTls& tls);
  ~TestConnection();

  // Sends a request with these fields and no content, or the given content.
  void request(std::string_view method, std::string_view target, std::string_view host,
               const Headers& headers = {}, std::optional<std::string_view> content = {});
  void send(std::string_view bytes);
  void expect_answer_to(http::Method method) { methods_.push_back(method); }
  void end();
  void close();
  // Stops taking bytes, so that the sender feels it.
  void pause();
  void resume();

  size_t answers() const { return done_.size(); }
  const Answer& answer(size_t i) const { return done_.at(i); }
  // What has come of the answer under way.
  const Answer& partial() const { return current_; }
  bool ended() const { return ended_ || closed_; }
  bool was_reset() const { return reset_; }
  bool connected() const { return connected_; }
  net::StreamError error() const { return error_; }
  const net::TlsFacts* tls() const { return stream_->tls(); }
  const std::string& received() const { return received_; }
  MonoTime first_body_byte() const { return first_body_byte_; }

 private:
  void on_connected() override;
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError error) override;
  void on_closed() override;
  bool parse();
  void finish(bool complete);

  net::Loop& loop_;
  net::Stream* stream_;
  std::string out_;
  std::string in_;
  std::string received_;
  std::deque<http::Method> methods_;
  std::vector<Answer> done_;
  Answer current_;
  bool in_body_ = false;
  http::BodyReader body_;
  bool ended_ = false;
  bool closed_ = false;
  bool reset_ = false;
  bool connected_ = false;
  net::StreamError error_ = net::StreamError::none;
  MonoTime first_body_byte_{};
};

}  // namespace perigee::test

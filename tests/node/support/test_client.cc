#include "tests/node/support/test_client.h"

#include <fmt/format.h>

namespace perigee::test {

std::string Answer::header(std::string_view name) const {
  std::string joined;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    if (!joined.empty()) joined += ", ";
    joined += value;
  }
  return joined;
}

TestConnection::TestConnection(net::Loop& loop, const net::Address& to)
    : loop_(loop), stream_(&loop.connect(to, *this)) {
  stream_->read_start();
}

TestConnection::TestConnection(net::Loop& loop, const net::Address& to, const TestTls& tls) : loop_(loop) {
  net::Stream& below = loop.connect(to, *this);
  stream_ = &tls.factory.connect(below, tls.context, tls.name,
                                 tls.resume_key.empty() ? tls.name : tls.resume_key, *this);
  stream_->read_start();
}

void TestConnection::on_connected() {
  connected_ = true;
  on_writable();
}

TestConnection::~TestConnection() {
  // The network outlives the test's connections: hand the stream a handler that only waits for its end.
  struct Orphan final : net::StreamHandler {
    void on_read(std::string_view) override {}
    void on_end() override {}
    void on_writable() override {}
    void on_error(net::StreamError) override {}
    void on_closed() override { delete this; }
  };
  if (closed_) return;
  stream_->set_handler(*new Orphan);
  stream_->close();
}

void TestConnection::request(std::string_view method, std::string_view target, std::string_view host,
                             const Headers& headers, std::optional<std::string_view> content) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n", method, target, host);
  for (const auto& [name, value] : headers) text += fmt::format("{}: {}\r\n", name, value);
  if (content) text += fmt::format("content-length: {}\r\n", content->size());
  text += "\r\n";
  if (content) text += *content;
  expect_answer_to(http::parse_method(method));
  send(text);
}

void TestConnection::send(std::string_view bytes) {
  out_.append(bytes);
  on_writable();
}

void TestConnection::on_writable() {
  if (closed_ || out_.empty()) return;
  const Slice slice = out_;
  out_.erase(0, stream_->write({&slice, 1}));
}

void TestConnection::end() { stream_->shutdown_write(); }
void TestConnection::close() {
  if (!closed_) stream_->close();
}
void TestConnection::pause() { stream_->read_stop(); }
void TestConnection::resume() { stream_->read_start(); }

void TestConnection::on_read(std::string_view bytes) {
  received_.append(bytes);
  in_.append(bytes);
  while (parse()) {
  }
}

// One step; false when there is nothing to do with what is there.
bool TestConnection::parse() {
  if (in_body_) {
    if (body_.done()) {
      finish(true);
      return true;
    }
    if (in_.empty()) return false;
    const http::BodyReader::Step step = body_.feed(in_);
    if (step.refused) {
      finish(false);
      in_.clear();
      return false;
    }
    if (!step.data.empty() && current_.body.empty()) first_body_byte_ = loop_.now();
    current_.body.append(step.data);
    in_.erase(0, step.consumed);
    return step.consumed > 0 || body_.done();
  }
  if (in_.empty() || methods_.empty()) return false;
  http::ResponseHead head;
  const http::HeadParse parsed =
      http::parse_response_head(in_, 0, http::HeadLimits{}, methods_.front(), head);
  if (parsed.outcome != http::HeadParse::Outcome::complete) return false;
  if (head.status < 200) {
    current_.interims.push_back(head.status);
    in_.erase(0, parsed.consumed);
    return true;
  }
  current_.status = head.status;
  for (const http::Field& field : head.fields) {
    std::string name(field.name);
    for (char& c : name) c = to_lower(c);
    current_.headers.emplace_back(std::move(name), std::string(field.value));
  }
  body_.start(head.framing, head.content_length);
  in_body_ = true;
  in_.erase(0, parsed.consumed);
  return true;
}

void TestConnection::finish(bool complete) {
  current_.complete = complete;
  done_.push_back(std::move(current_));
  current_ = Answer();
  in_body_ = false;
  if (!methods_.empty()) methods_.pop_front();
}

void TestConnection::on_end() {
  ended_ = true;
  if (in_body_) finish(body_.end_of_stream());
}

void TestConnection::on_error(net::StreamError error) {
  error_ = error;
  reset_ = true;
  if (in_body_) finish(false);
  stream_->close();
}

void TestConnection::on_closed() { closed_ = true; }

}  // namespace perigee::test

// The reading half of H1Connection: heads, request content, what is wrong with either.
#include <algorithm>
#include <cassert>
#include <string>

#include "edge/serve/h1_connection.h"

namespace perigee::serve {

H1Connection::Advance H1Connection::advance() {
  switch (step_) {
    case Step::fresh:
    case Step::idle:
    case Step::head:
      return read_head();
    case Step::exchange:
      return read_content();
    case Step::discarding:
      return discard_content();
    default:
      input_ = {};
      return Advance::wait;
  }
}

H1Connection::Advance H1Connection::read_head() {
  if (input_.empty() || !all_out()) return Advance::wait;
  if (host_.batch.replies() >= host_.options.pipelining_depth) return Advance::batch_full;
  const http::HeadParse parse =
      http::parse_request_head(input_, scanned_, host_.options.head_limits, host_.head);
  if (parse.outcome == http::HeadParse::Outcome::need_more) {
    scanned_ = static_cast<uint32_t>(input_.size());
    if (step_ != Step::head) since_ = host_.loop.now();
    step_ = Step::head;
    return Advance::wait;
  }
  scanned_ = 0;
  if (parse.outcome == http::HeadParse::Outcome::refused) {
    host_.metrics.add(Metric::requests_bad);
    refuse(parse.status, parse.reason);
    return Advance::more;
  }
  // A handler that takes the stream wants it with everything before already written.
  if (host_.head.upgrade && !host_.batch.empty()) return Advance::batch_full;
  input_.remove_prefix(parse.consumed);
  return begin_exchange();
}

H1Connection::Advance H1Connection::begin_exchange() {
  const http::RequestHead& head = host_.head;
  step_ = Step::exchange;
  newcomer_ = true;
  answer_ = Answer::none;
  content_reader_.start(head.framing, head.content_length);
  content_ = content_reader_.done() ? Content::none : Content::unasked;
  content_length_ = head.content_length;
  chunked_content_ = head.framing == http::Framing::chunked;
  expects_continue_ = head.expect_continue && content_ != Content::none;
  content_read_ = false;
  ++requests_;
  facts_.head_method = head.method == http::Method::head;
  facts_.version_minor = head.version_minor;
  facts_.may_keep_alive = head.keep_alive && requests_ < host_.options.requests_per_connection_max;
  if (head.method == http::Method::connect) {
    // No tunnels, and what follows is not HTTP (RFC 9110 9.3.6).
    refuse(501, "CONNECT is not supported");
    return Advance::more;
  }
  host_.handler.on_request(*this);
  if (step_ != Step::exchange || cut_wanted_) return Advance::wait;
  if (handler_ != nullptr) return Advance::more;
  assert(answer_ == Answer::given && "a handler neither answered nor set an ExchangeHandler");
  if (answer_ != Answer::given) {
    cut_wanted_ = true;
    return Advance::wait;
  }
  after_answer();
  return Advance::more;
}

H1Connection::Advance H1Connection::read_content() {
  if (content_ != Content::reading || input_.empty() || cut_wanted_) return Advance::wait;
  const http::BodyReader::Step step = content_reader_.feed(input_);
  if (step.refused) {
    host_.metrics.add(Metric::requests_bad);
    if (answer_ == Answer::none) {
      refuse(400, step.reason);
      return Advance::more;
    }
    close(CloseReason::client_failed);
    return Advance::wait;
  }
  input_.remove_prefix(step.consumed);
  if (!chunked_content_) content_length_ -= step.data.size();
  const bool done = content_reader_.done();
  if (!step.data.empty()) handler_->on_request_body(step.data);
  if (done) {
    content_ = Content::none;
    if (step_ == Step::exchange && !cut_wanted_) handler_->on_request_end();
    return Advance::wait;
  }
  return step.consumed > 0 ? Advance::more : Advance::wait;
}

H1Connection::Advance H1Connection::discard_content() {
  if (input_.empty()) return Advance::wait;
  const http::BodyReader::Step step = content_reader_.feed(input_);
  if (step.refused) host_.metrics.add(Metric::requests_bad);
  if (step.refused || step.consumed > unwanted_left_) {
    step_ = Step::finishing;
    linger_ = true;
    return Advance::more;
  }
  input_.remove_prefix(step.consumed);
  unwanted_left_ -= static_cast<uint32_t>(step.consumed);
  if (content_reader_.done()) {
    step_ = Step::idle;
    since_ = host_.loop.now();
    return Advance::more;
  }
  return step.consumed > 0 ? Advance::more : Advance::wait;
}

// The answer is given as a whole, though perhaps not written yet: what becomes of the connection.
void H1Connection::after_answer() {
  answer_ = Answer::none;
  const bool unread = content_ != Content::none;
  if (!plan_.keep_alive || (unread && !unread_content_is_small())) {
    step_ = Step::finishing;
    linger_ = unread || !input_.empty();
  } else if (unread) {
    step_ = Step::discarding;
    unwanted_left_ = host_.options.unread_content_max;
  } else {
    step_ = Step::idle;
    since_ = host_.loop.now();
  }
}

// A client that expects 100 and did not get it may leave its content out, so where the next request begins is
// unknown.
bool H1Connection::unread_content_is_small() const {
  if (expects_continue_ && !content_read_) return false;
  return chunked_content_ || content_length_ <= host_.options.unread_content_max;
}

// Tells whoever keeps account of what was refused. Of a head that could not be parsed the request line is
// what looks like one.
void H1Connection::report_refused(int status, std::string_view reason) {
  if (handler_ != nullptr) return handler_->on_exchange_refused(status);
  constexpr size_t line_bytes_max = 2048;
  RefusedRequest refused{client_address(), status, reason, {}, {}, {}};
  if (step_ == Step::exchange) {
    refused.method = host_.head.method_text;
    refused.authority = host_.head.authority;
    refused.target = host_.head.path;
  } else {
    const std::string_view seen = std::string_view(input_.empty() ? tail_ : input_).substr(0, line_bytes_max);
    const std::string_view line = seen.substr(0, seen.find_first_of("\r\n"));
    const size_t space = line.find(' ');
    refused.method = line.substr(0, std::min<size_t>(space, 32));
    if (space != std::string_view::npos) refused.target = line.substr(space + 1);
    refused.target = refused.target.substr(0, refused.target.find(' '));
  }
  host_.handler.on_refused(refused);
}

// Answers what never becomes an exchange, or stops being one, and ends the connection.
void H1Connection::refuse(int status, std::string_view reason) {
  report_refused(status, reason);
  end_exchange(ExchangeEnd::client_gone);
  std::string body = std::to_string(status);
  body.append(" ").append(http::reason_phrase(status)).append(": ").append(reason).append("\n");
  std::string head;
  http::HeadWriter writer(head);
  writer.status_line(status, {});
  writer.field("content-type", "text/plain; charset=utf-8");
  writer.field("content-length", body.size());
  writer.field("connection", "close");
  writer.end();
  if (facts_.head_method && step_ == Step::exchange) body.clear();
  write_text(head, body, {});
  step_ = Step::finishing;
  linger_ = true;
}

void H1Connection::read_request_body() {
  if (content_ == Content::none) return;
  const bool nothing_yet = working_ ? input_.empty() : tail_.empty();
  if (expects_continue_ && !content_read_ && nothing_yet && answer_ == Answer::none) {
    write_text("HTTP/1.1 100 Continue\r\n\r\n", {}, {});
  }
  content_read_ = true;
  content_ = Content::reading;
  since_ = host_.loop.now();
  host_.want_turn(*this);
}

void H1Connection::pause_request_body() {
  if (content_ != Content::reading) return;
  content_ = Content::paused;
  host_.want_turn(*this);
}

}  // namespace perigee::serve

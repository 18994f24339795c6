#include "edge/proxy/upstream_connection.h"

#include <utility>

#include "edge/proxy/upstream_pool.h"

namespace perigee::proxy {

namespace {

// Before one final response; a peer that works on a fill sends one.
constexpr uint32_t interims_max = 32;

// What is read of an answer that nobody wants, and how long that may take.
constexpr uint64_t dropped_bytes_max = 16 * 1024;
constexpr Duration dropped_within = std::chrono::seconds(1);

}  // namespace

std::string_view to_string(UpstreamFailure failure) {
  switch (failure) {
    case UpstreamFailure::connect_refused:
      return "connection_refused";
    case UpstreamFailure::connect_timeout:
      return "connection_timeout";
    case UpstreamFailure::connect_failed:
      return "destination_unavailable";
    case UpstreamFailure::dns_failed:
      return "dns_error";
    case UpstreamFailure::tls_failed:
      return "tls_protocol_error";
    case UpstreamFailure::pool_exhausted:
      return "connection_limit_reached";
    case UpstreamFailure::reused_closed:
      return "connection_terminated";
    case UpstreamFailure::closed_early:
      return "connection_terminated";
    case UpstreamFailure::first_byte_timeout:
      return "http_response_timeout";
    case UpstreamFailure::bad_response:
      return "http_protocol_error";
    case UpstreamFailure::incomplete:
      return "http_response_incomplete";
    case UpstreamFailure::body_timeout:
      return "connection_read_timeout";
    case UpstreamFailure::declined:
    case UpstreamFailure::circuit_open:
      return "destination_unavailable";
    case UpstreamFailure::deadline:
      return "http_response_timeout";
  }
  return "proxy_internal_error";
}

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, const PoolKey& key, net::Stream& stream)
    : pool_(pool), key_(&key), stream_(&stream) {
  stream.set_handler(*this);
}

const PoolKey& UpstreamConnection::key() const { return *key_; }

void UpstreamConnection::begin(UpstreamHandler& handler, http::Method method, std::string_view head) {
  idle_timer_.cancel();
  handler_ = &handler;
  method_ = method;
  state_ = State::awaiting_head;
  request_complete_ = false;
  reusable_ = false;
  paused_ = false;
  response_bytes_ = 0;
  body_bytes_ = 0;
  scanned_ = 0;
  interims_ = 0;
  ++exchanges_;
  stream_->read_start();
  send(head);
}

void UpstreamConnection::send(std::string_view bytes) {
  if (state_ == State::closing) return;
  if (out_.empty()) {
    const Slice slice = bytes;
    bytes.remove_prefix(stream_->write({&slice, 1}));
  }
  out_.append(bytes);
}

void UpstreamConnection::on_writable() {
  const Slice slice = out_;
  out_.erase(0, stream_->write({&slice, 1}));
  if (out_.empty() && handler_ != nullptr) handler_->on_upstream_writable();
}

void UpstreamConnection::pause() {
  if (state_ == State::closing) return;
  paused_ = true;
  stream_->read_stop();
}

void UpstreamConnection::resume() {
  if (state_ == State::closing) return;
  paused_ = false;
  stream_->read_start();
}

void UpstreamConnection::take_back() {
  const bool much = state_ == State::awaiting_head || (state_ == State::body && !short_ && !body_.done());
  end(much && http::is_safe(method_) ? End::reset : End::close);
}

void UpstreamConnection::drop_answer() {
  if (state_ != State::body || !reusable_ || !short_ || !request_complete_) return close();
  handler_ = nullptr;
  net::Loop& loop = pool_.loop();
  loop.timers().arm(idle_timer_, loop.now() + dropped_within);
}

void UpstreamConnection::close() { end(End::close); }

void UpstreamConnection::end(End how) {
  handler_ = nullptr;
  if (state_ == State::closing) return;
  if (state_ == State::idle) pool_.forget_idle(*this);
  idle_timer_.cancel();
  state_ = State::closing;
  how == End::reset ? stream_->reset() : stream_->close();
}

net::Stream& UpstreamConnection::take_stream(std::string& unread) {
  unread = std::move(tail_);
  net::Stream& stream = *stream_;
  pool_.connection_gone(*key_);
  delete this;
  return stream;
}

void UpstreamConnection::on_read(std::string_view bytes) {
  // An upstream that speaks without being asked is not to be trusted with another request.
  if (state_ == State::idle) return close();
  response_bytes_ += bytes.size();
  while (state_ == State::awaiting_head) {
    const std::optional<size_t> used = read_head(bytes);
    if (!used) return;
    bytes.remove_prefix(*used);
  }
  if (state_ == State::body) read_body(bytes);
}

// How many of these bytes a whole head used up; nullopt when there is nothing more to do with them now, and
// the connection may be gone.
std::optional<size_t> UpstreamConnection::read_head(std::string_view bytes) {
  const size_t before = tail_.size();
  std::string_view all = bytes;
  if (before > 0) {
    tail_.append(bytes);
    all = tail_;
  }
  http::ResponseHead head;
  const http::HeadParse parse = http::parse_response_head(all, scanned_, pool_.head_limits(), method_, head);
  if (parse.outcome == http::HeadParse::Outcome::refused) {
    fail(UpstreamFailure::bad_response);
    return std::nullopt;
  }
  if (parse.outcome == http::HeadParse::Outcome::need_more) {
    if (before == 0) tail_.assign(bytes);
    scanned_ = tail_.size();
    return std::nullopt;
  }
  // The head's views may point into tail_: it must stay as it is until the handler has seen them.
  std::string keep = std::move(tail_);
  tail_.clear();
  scanned_ = 0;
  const size_t used = parse.consumed - before;
  if (head.status == 101) {
    state_ = State::upgraded;
    tail_.assign(bytes.substr(used));
    handler_->on_upstream_head(head);
    return std::nullopt;
  }
  if (head.status < 200) {
    if (++interims_ > interims_max) {
      fail(UpstreamFailure::bad_response);
      return std::nullopt;
    }
    handler_->on_upstream_interim(head);
    return used;
  }
  state_ = State::body;
  reusable_ = head.keep_alive && head.framing != http::Framing::until_close;
  short_ = head.framing == http::Framing::none ||
           (head.framing == http::Framing::length && head.content_length <= dropped_bytes_max);
  body_.start(head.framing, head.content_length);
  handler_->on_upstream_head(head);
  return used;
}

void UpstreamConnection::read_body(std::string_view bytes) {
  while (state_ == State::body && !body_.done() && !bytes.empty()) {
    const http::BodyReader::Step step = body_.feed(bytes);
    if (step.refused) return fail(UpstreamFailure::bad_response);
    bytes.remove_prefix(step.consumed);
    if (!step.data.empty()) {
      body_bytes_ += step.data.size();
      if (handler_ != nullptr) handler_->on_upstream_body(step.data);
    }
    if (step.consumed == 0 && step.data.empty()) break;
  }
  if (state_ != State::body || !body_.done()) return;
  if (!bytes.empty()) reusable_ = false;
  finish();
}

void UpstreamConnection::finish() {
  UpstreamHandler* handler = std::exchange(handler_, nullptr);
  // Where reading was stopped with the bytes that end the answer, nobody would see what comes behind it.
  if (reusable_ && request_complete_ && out_.empty() && !paused_) {
    state_ = State::idle;
    net::Loop& loop = pool_.loop();
    loop.timers().arm(idle_timer_, loop.now() + pool_.idle_time());
    pool_.give_back(*this);
  } else {
    close();
  }
  if (handler != nullptr) handler->on_upstream_end();
}

void UpstreamConnection::on_timer(net::Timer&) { close(); }

void UpstreamConnection::fail(UpstreamFailure failure) {
  UpstreamHandler* handler = std::exchange(handler_, nullptr);
  close();
  if (handler != nullptr) handler->on_upstream_failed(failure);
}

void UpstreamConnection::on_end() {
  if (state_ == State::idle) return close();
  if (state_ == State::body && body_.end_of_stream()) {
    reusable_ = false;
    return finish();
  }
  on_error(net::StreamError::connection_reset);
}

void UpstreamConnection::on_error(net::StreamError) {
  if (state_ == State::body) return fail(UpstreamFailure::incomplete);
  if (state_ != State::awaiting_head) return close();
  const bool never_answered = was_reused() && response_bytes_ == 0;
  fail(never_answered ? UpstreamFailure::reused_closed : UpstreamFailure::closed_early);
}

void UpstreamConnection::on_closed() {
  if (state_ == State::idle) pool_.forget_idle(*this);
  // The loop is stopping: the stream went without our asking.
  UpstreamHandler* handler = std::exchange(handler_, nullptr);
  if (state_ != State::closing && handler != nullptr) {
    state_ = State::closing;
    handler->on_upstream_failed(UpstreamFailure::incomplete);
  }
  pool_.connection_gone(*key_);
  delete this;
}

}  // namespace perigee::proxy

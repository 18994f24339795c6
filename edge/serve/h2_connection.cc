#include "edge/serve/h2_connection.h"

#include <algorithm>
#include <utility>

#include "edge/serve/h2_output.h"

namespace perigee::serve {
namespace {

// How often streams are looked at for clients that take nothing and send nothing.
constexpr Duration look_every = std::chrono::seconds(1);
// RFC 9113 6.8: between the announcement of a GOAWAY and the last word, a round trip for requests under way.
constexpr Duration drain_notice = std::chrono::milliseconds(500);

}  // namespace

H2Connection::H2Connection(ConnectionHost& host, net::Stream& stream)
    : host_(host),
      stream_(&stream),
      memory_(arena_of(this), sizeof *this, host.free_lists),
      glitches_(host.options.http2.glitches_max),
      timer_(static_cast<net::TimerHandler&>(*this)),
      since_(host.loop.now()),
      written_(since_),
      takes_(since_) {
  make_session();
  stream_->set_handler(*this);
  stream_->read_start();
  want_turn();
}

H2Connection::~H2Connection() {
  nghttp2_session_del(session_);
  while (H2Stream* stream = first_) {
    first_ = stream->next_;
    delete stream;
  }
}

void H2Connection::operator delete(H2Connection* connection, std::destroying_delete_t) {
  H2Arenas& arenas = connection->host_.h2_arenas;
  connection->~H2Connection();
  arenas.give(arena_of(connection));
}

void H2Connection::want_turn() {
  if (!closing_) host_.want_turn(*this);
}

void H2Connection::on_turn() {
  if (drain_ == Drain::none && host_.draining) begin_drain();
  work();
}

void H2Connection::on_read(std::string_view bytes) {
  if (closing_) return;
  working_ = true;
  const ssize_t used = feed(bytes);
  working_ = false;
  if (head_ != nullptr && block_ == Block::none) host_.h2_head_readers.give(std::move(head_));
  if (closing_) return;
  if (used < 0) {
    // No preface, a flood that the library noticed, memory: nothing more can be said in this protocol.
    host_.metrics.add(Metric::requests_bad);
    report_unfinished(400, nghttp2_strerror(static_cast<int>(used)));
    return close(ExchangeEnd::client_gone);
  }
  work();
}

// Gives the library what came, up to where the session is to end. Negative: it failed.
ssize_t H2Connection::feed(std::string_view bytes) {
  while (!bytes.empty() && !closing_ && !doomed_) {
    const std::string_view part = bytes.substr(0, frame_heads_.next(bytes));
    receiving_ = true;
    const ssize_t used =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(part.data()), part.size());
    receiving_ = false;
    if (ending_ != 0) nghttp2_session_terminate_session(session_, std::exchange(ending_, 0));
    if (used < 0 && !doomed_) return used;
    if (frame_heads_.found()) judge_head();
    bytes.remove_prefix(part.size());
  }
  return 0;
}

void H2Connection::on_writable() {
  if (closing_) return;
  if (host_.turn_bytes_left == 0) return want_turn();
  work();
}

// Everything that can be done now: content is handed to its handlers, answers are made into frames and
// written, ended exchanges are reported.
void H2Connection::work() {
  if (closing_ || working_) return;
  working_ = true;
  const uint32_t share = host_.turn_share();
  turn_left_ = share;
  deliver_content();
  send();
  host_.took_of_turn(share - turn_left_);
  newcomer_ = false;
  if (!closing_) hold_answers();
  working_ = false;
  if (!closing_) settle();
  if (!closing_) update_deadline();
}

void H2Connection::deliver_content() {
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
    const size_t consumed = stream->deliver();
    if (consumed > 0) nghttp2_session_consume(session_, stream->id(), consumed);
  }
}

void H2Connection::send() {
  if (!rest_.empty()) {
    const Slice slice = rest_;
    const size_t taken = stream_->write({&slice, 1});
    host_.count_sent(taken);
    written_.moved(taken);
    rest_.erase(0, taken);
    // What clients take back while nothing can be written is told all the same: they may go on doing so.
    if (!rest_.empty()) {
      reap(false);
      return;
    }
    std::string().swap(rest_);
    if (is_idle() && drain_ == Drain::none) since_ = host_.loop.now();
    reap();
  }
  bool more = true;
  while (more && !closing_ && !blocked()) {
    more = gather();
    flush();
    if (!blocked()) more = reap() || more;
  }
}

// Makes frames until the output is full or there are no more. True: there are.
bool H2Connection::gather() {
  H2Output& out = host_.h2_output;
  while (!out.full()) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) {
      out.clear();
      close(ExchangeEnd::client_gone);
      return false;
    }
    // 0: nothing more, or content that must wait until this is written.
    if (size == 0) return std::exchange(more_, false) || out.full();
    out.copy({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
  return true;
}

void H2Connection::flush() {
  H2Output& out = host_.h2_output;
  if (out.empty()) return;
  const size_t taken = out.write_to(*stream_, rest_);
  host_.count_sent(taken);
  written_.moved(taken);
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) stream->taken_is_written();
}

// Reports and deletes what has ended; not all: without those of whose answers something may not be written
// yet. True: the connection's window has got back what nobody read, which is to be said.
bool H2Connection::reap(bool all) {
  bool given_back = false;
  for (H2Stream* stream = first_; stream != nullptr;) {
    H2Stream* next = stream->next_;
    if (stream->closed_ && (all || !stream->complete_)) {
      const size_t unread = stream->content_.size() + stream->discarded_;
      if (unread > 0) nghttp2_session_consume_connection(session_, unread);
      given_back = given_back || unread > 0;
      const bool cut = stream->cut_;
      stream->end(stream->complete_ && !cut ? ExchangeEnd::complete
                  : cut                     ? ExchangeEnd::cut
                                            : ExchangeEnd::client_gone);
      (stream->previous_ != nullptr ? stream->previous_->next_ : first_) = stream->next_;
      if (stream->next_ != nullptr) stream->next_->previous_ = stream->previous_;
      next = stream->next_;
      delete stream;
      if (is_idle() && drain_ == Drain::none) since_ = host_.loop.now();
    }
    stream = next;
  }
  return given_back;
}

void H2Connection::hold_answers() {
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
    if (stream->answered_) stream->keep_answer();
  }
}

void H2Connection::settle() {
  const bool done = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (blocked()) return;
  if (done || (drain_ == Drain::final && is_idle())) close(ExchangeEnd::client_gone);
}

void H2Connection::update_deadline() {
  MonoTime deadline = since_ + host_.options.keep_alive_idle;
  const bool look = !is_idle() || blocked() || block_ != Block::none;
  if (look && !looking_) {
    look_at_ = host_.loop.now() + look_every;
    written_.begin(host_.loop.now());
    takes_.begin(host_.loop.now());
  }
  looking_ = look;
  // Not from now on: a client that sends something every half second would never be looked at.
  if (look) deadline = look_at_;
  if (drain_ == Drain::announced) deadline = std::min(deadline, since_ + drain_notice);
  host_.loop.timers().arm(timer_, deadline);
}

void H2Connection::on_timer(net::Timer&) {
  const MonoTime now = host_.loop.now();
  if (now >= look_at_) look_at_ = now + look_every;
  if (drain_ == Drain::announced && now >= since_ + drain_notice) finish_drain();
  if (!blocked()) {
    written_.begin(now);
  } else if (written_.was_too_slow(now, host_.options.write_stall_timeout)) {
    host_.metrics.add(Metric::client_timeouts);
    return close(ExchangeEnd::client_gone);
  }
  if (block_ != Block::none && now >= head_since_ + host_.options.header_timeout) {
    host_.metrics.add(Metric::client_timeouts);
    report_unfinished(408, "the request head took too long");
    return close(ExchangeEnd::client_gone);
  }
  if (is_idle() && !blocked() && now >= since_ + host_.options.keep_alive_idle) end_session(NGHTTP2_NO_ERROR);
  end_stalled(now);
  work();
}

// A client that takes next to nothing of an answer that is there, or sends next to nothing of a request that
// is awaited, may not keep the stream for ever. It costs one, and the reset one more: who does it with all of
// its streams is cut off.
void H2Connection::end_stalled(MonoTime now) {
  const bool together = is_too_slow_together(now);
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
    const bool takes = takes_too_little(*stream, together, now);
    const bool sends = sends_too_little(*stream, now);
    if (stream->closed_ || (!takes && !sends)) continue;
    host_.metrics.add(Metric::client_timeouts);
    reset_stream(*stream, NGHTTP2_CANCEL);
    glitch();
  }
}

// Where the connection's window is empty, one stream may have got all there was, so all are judged together.
bool H2Connection::is_too_slow_together(MonoTime now) {
  uint32_t streams = 0;
  for (const H2Stream* stream = first_; stream != nullptr; stream = stream->next_)
    streams += stream->has_more();
  if (streams > 0 && nghttp2_session_get_remote_window_size(session_) <= 0)
    return takes_.was_too_slow(now, host_.options.write_stall_timeout, streams);
  takes_.begin(now);
  return false;
}

// Only an empty window is the client's doing: a stream that has one may wait for more urgent ones, or for a
// slow line, of which written_ judges.
bool H2Connection::takes_too_little(H2Stream& stream, bool too_slow_together, MonoTime now) const {
  if (!stream.has_more()) {
    stream.takes_.begin(now);
    return false;
  }
  if (nghttp2_session_get_stream_remote_window_size(session_, stream.id()) <= 0)
    return stream.takes_.was_too_slow(now, host_.options.write_stall_timeout);
  stream.takes_.begin(now);
  return too_slow_together;
}

bool H2Connection::sends_too_little(H2Stream& stream, MonoTime now) const {
  if (stream.reading_ && !stream.content_ended_ && stream.content_.empty())
    return stream.sends_.was_too_slow(now, host_.options.body_idle_timeout);
  stream.sends_.begin(now);
  return false;
}

void H2Connection::begin_drain() {
  if (drain_ != Drain::none || closing_) return;
  drain_ = Drain::announced;
  if (is_idle()) {
    finish_drain();
  } else {
    nghttp2_submit_shutdown_notice(session_);
    since_ = host_.loop.now();
  }
  want_turn();
}

void H2Connection::finish_drain() {
  drain_ = Drain::final;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2Connection::close(ExchangeEnd how) {
  if (closing_) return;
  closing_ = true;
  timer_.cancel();
  const bool partial = blocked() || (how == ExchangeEnd::shutdown && !is_idle());
  partial ? stream_->reset() : stream_->close();
  end_all(how);
}

void H2Connection::end_all(ExchangeEnd how) {
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
    if (how == ExchangeEnd::shutdown && stream->answered_ && !stream->complete_)
      host_.metrics.add(Metric::responses_cut);
    stream->end(how);
  }
}

void H2Connection::on_closed() {
  // Without a close() of ours the loop itself is ending.
  if (!closing_) {
    closing_ = true;
    end_all(ExchangeEnd::shutdown);
  }
  host_.forget(*this);
  delete this;
}

}  // namespace perigee::serve

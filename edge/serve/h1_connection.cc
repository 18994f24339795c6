#include "edge/serve/h1_connection.h"

#include <cassert>
#include <utility>

namespace perigee::serve {

static_assert(sizeof(H1Connection) <= 640, "an idle connection must stay small");

H1Connection::H1Connection(ConnectionHost& host, net::Stream& stream)
    : host_(host), stream_(&stream), timer_(static_cast<net::TimerHandler&>(*this)), since_(host.loop.now()) {
  stream_->set_handler(*this);
  update_reading();
  update_deadline();
}

void H1Connection::on_turn() {
  if (step_ == Step::taken) {
    host_.forget(*this);
    delete this;
    return;
  }
  work(true);
}

void H1Connection::begin_drain() { host_.want_turn(*this); }

void H1Connection::shut_down() { close(CloseReason::shut_down); }

void H1Connection::on_read(std::string_view bytes) {
  if (step_ == Step::lingering) return linger(bytes.size());
  if (step_ != Step::head && !blocked_) since_ = host_.loop.now();
  if (tail_.empty()) {
    input_ = bytes;
    work(false);
  } else {
    tail_.append(bytes);
    work(true);
  }
}

void H1Connection::on_end() {
  client_ended_ = true;
  work(true);
}

void H1Connection::on_writable() {
  blocked_ = false;
  since_ = host_.loop.now();
  if (host_.turn_bytes_left == 0) return host_.want_turn(*this);
  work(true);
}

void H1Connection::on_error(net::StreamError) { close(CloseReason::client_failed); }

void H1Connection::on_closed() {
  // Without a close() of ours the loop itself is ending.
  if (step_ != Step::closed) end_exchange(ExchangeEnd::shutdown);
  queue_.clear();
  host_.forget(*this);
  delete this;
}

// Everything that can be done now: requests are read and begun, answers gathered and written, ended exchanges
// reported.
void H1Connection::work(bool from_tail) {
  leave();
  if (step_ == Step::closed || step_ == Step::taken) return;
  assert(host_.batch.empty());
  if (from_tail) input_ = tail_;
  working_ = true;
  const uint32_t share = host_.turn_share();
  turn_left_ = share;
  Advance last;
  bool waited = false;
  do {
    do {
      last = advance();
    } while (last == Advance::more);
    if (set_aside(last)) break;
    if (!host_.batch.empty()) host_.let_leave();
    waited = !all_out();
    send();
  } while (settle(last, waited));
  host_.took_of_turn(share - turn_left_);
  settle_end_of_input();
  keep_rest(from_tail);
  working_ = false;
  if (step_ == Step::taken) return host_.want_turn(*this);
  if (step_ == Step::closed) return;
  update_reading();
  update_deadline();
}

// Draws the consequences of what was written; waited: answers from before were in the way of what has come
// behind them. True: there may be more to do at once.
bool H1Connection::settle(Advance last, bool waited) {
  if (step_ == Step::closed || step_ == Step::taken) return false;
  if (cut_wanted_) {
    close(CloseReason::cut);
    return false;
  }
  if (!all_out()) return false;
  if (step_ == Step::exchange && answer_ == Answer::given) {
    end_exchange(ExchangeEnd::complete);
    after_answer();
    return true;
  }
  if (step_ == Step::finishing) {
    finish();
    return false;
  }
  return last == Advance::batch_full || (waited && !input_.empty());
}

void H1Connection::settle_end_of_input() {
  const bool between = step_ == Step::idle && all_out();
  if (between && host_.draining) return close(CloseReason::idle);
  if (!client_ended_) return;
  if (between || ((step_ == Step::fresh || step_ == Step::head || step_ == Step::discarding) && all_out())) {
    close(CloseReason::client_left);
  } else if (step_ == Step::exchange && content_ == Content::reading && input_.empty()) {
    // The request itself was cut short.
    close(CloseReason::client_left);
  } else if (step_ == Step::lingering) {
    close(CloseReason::answered);
  }
}

void H1Connection::keep_rest(bool from_tail) {
  if (step_ == Step::closed || step_ == Step::taken) {
    // Of a taken stream the rest was handed over; it stays until the turn's end because views of it are
    // about.
    input_ = {};
    return;
  }
  if (!from_tail) {
    if (!input_.empty()) tail_.assign(input_);
  } else if (input_.size() < tail_.size()) {
    if (input_.empty()) {
      std::string().swap(tail_);
    } else {
      tail_.erase(0, tail_.size() - input_.size());
    }
  }
  input_ = {};
}

void H1Connection::update_reading() {
  bool wanted = !client_ended_ && step_ != Step::finishing;
  if (step_ == Step::exchange) wanted = wanted && (content_ == Content::none || content_ == Content::reading);
  if (step_ == Step::exchange || blocked_) {
    wanted = wanted && tail_.size() < host_.options.pipelined_bytes_max;
  }
  if (wanted == reading_) return;
  reading_ = wanted;
  wanted ? stream_->read_start() : stream_->read_stop();
}

void H1Connection::update_deadline() {
  const ServerOptions& options = host_.options;
  deadline_ = MonoTime::max();
  if (blocked_) {
    deadline_ = since_ + options.write_stall_timeout;
  } else if (step_ == Step::fresh || step_ == Step::head) {
    deadline_ = since_ + options.header_timeout;
  } else if (step_ == Step::idle) {
    deadline_ = since_ + options.keep_alive_idle;
  } else if (step_ == Step::discarding || (step_ == Step::exchange && content_ == Content::reading)) {
    deadline_ = since_ + options.body_idle_timeout;
  } else if (step_ == Step::lingering) {
    deadline_ = since_ + options.linger_timeout;
  }
  if (deadline_ >= armed_for_) return;
  armed_for_ = deadline_;
  host_.loop.timers().arm(timer_, deadline_);
}

void H1Connection::on_timer(net::Timer&) {
  armed_for_ = MonoTime::max();
  if (host_.loop.now() >= deadline_) return on_deadline();
  if (deadline_ == MonoTime::max()) return;
  armed_for_ = deadline_;
  host_.loop.timers().arm(timer_, deadline_);
}

void H1Connection::on_deadline() {
  if (blocked_) return close(CloseReason::stalled);
  switch (step_) {
    case Step::head:
      host_.metrics.add(Metric::client_timeouts);
      refuse(408, "the request head took too long");
      return work(true);
    case Step::exchange:
      if (answer_ != Answer::none) return close(CloseReason::timed_out);
      host_.metrics.add(Metric::client_timeouts);
      refuse(408, "the request content stopped coming");
      return work(true);
    case Step::discarding:
      return close(CloseReason::timed_out);
    case Step::lingering:
      return close(CloseReason::answered);
    default:
      return close(CloseReason::idle);
  }
}

// Everything is written. A client that is still sending would get a reset instead of our last answer if we
// closed now (RFC 9112 9.6), so first only our half ends.
void H1Connection::finish() {
  if (!linger_ || client_ended_) return close(CloseReason::answered);
  stream_->shutdown_write();
  step_ = Step::lingering;
  since_ = host_.loop.now();
  unwanted_left_ = 4 * host_.options.unread_content_max;
}

void H1Connection::linger(size_t received) {
  if (received >= unwanted_left_) return close(CloseReason::answered);
  unwanted_left_ -= static_cast<uint32_t>(received);
}

void H1Connection::close(CloseReason reason) {
  if (step_ == Step::closed || step_ == Step::taken) return;
  leave();
  const bool partial = !all_out() || (step_ == Step::exchange && answer_ == Answer::streaming);
  step_ = Step::closed;
  deadline_ = MonoTime::max();
  timer_.cancel();
  queue_.clear();
  if (working_) host_.batch.drop();
  if (reason == CloseReason::timed_out || reason == CloseReason::stalled)
    host_.metrics.add(Metric::client_timeouts);
  const bool cut = reason == CloseReason::cut || (reason == CloseReason::shut_down && partial);
  if (cut) host_.metrics.add(Metric::responses_cut);
  cut || partial ? stream_->reset() : stream_->close();
  switch (reason) {
    case CloseReason::cut:
      return end_exchange(ExchangeEnd::cut);
    case CloseReason::shut_down:
      return end_exchange(ExchangeEnd::shutdown);
    default:
      return end_exchange(ExchangeEnd::client_gone);
  }
}

void H1Connection::end_exchange(ExchangeEnd end) {
  ExchangeHandler* handler = std::exchange(handler_, nullptr);
  source_ = nullptr;
  if (handler != nullptr) handler->on_exchange_end(end);
}

}  // namespace perigee::serve

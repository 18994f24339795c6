// The answering half of H1Connection: heads, bodies pulled from a source, writing.
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "edge/serve/h1_connection.h"
#include "edge/serve/taken_stream.h"

namespace perigee::serve {
// Decides the framing and writes its lines; returns their length.
size_t H1Connection::begin_answer(const ReplyHead& head, uint64_t content_length, char* lines) {
  assert(step_ == Step::exchange && answer_ == Answer::none && "one answer per exchange");
  const bool content_settled = content_ == Content::none || content_ == Content::reading;
  facts_.may_keep_alive =
      facts_.may_keep_alive && !host_.draining && (content_settled || unread_content_is_small());
  plan_ = plan_answer(facts_, head.status, content_length);
  return write_framing_lines(plan_, facts_, head.status, content_length, lines);
}

void H1Connection::reply(const ReplyHead& head, std::string_view body, const Hold& hold) {
  const bool bodiless = facts_.head_method || head.status < 200 || head.status == 204 || head.status == 304;
  uint64_t length = head.content_length;
  if (bodiless) body = {};
  if (length == ReplyHead::unknown_length && !bodiless) length = body.size();
  if (!bodiless && length != body.size()) cut_wanted_ = true;

  if (batching()) {
    gather(head, length, {&body, 1}, body.size(), hold);
  } else {
    char framing[framing_lines_max];
    const size_t size = begin_answer(head, length, framing);
    if (hold.acquire != nullptr && !hold.given) hold.acquire(hold.owner, hold.object);
    queue_.add_view(head.lines, {});
    queue_.add_copy(head.more_lines);
    queue_.add_copy({framing, size});
    queue_.add_view(body, hold);
    host_.want_turn(*this);
  }
  answer_ = Answer::given;
}

// Puts a whole answer into the batch: copied in one piece if it is short, else its body as a view.
void H1Connection::gather(const ReplyHead& head, uint64_t length, std::span<const Slice> body,
                          uint64_t body_bytes, const Hold& hold) {
  OutputBatch& batch = host_.batch;
  const size_t text_max = head.more_lines.size() + framing_lines_max;
  const bool copies_lines = batch.prefers_copy(head.lines.size() + text_max);
  const size_t head_max = text_max + (copies_lines ? head.lines.size() : 0);
  const bool copies_all = copies_lines && batch.prefers_copy(head_max + body_bytes);
  // What was acquired for us is released with the batch, used or not.
  const uint32_t held = copies_all && !hold.given ? 0 : batch.add_hold(hold);
  if (!copies_lines) batch.add_held(head.lines, held);
  char* const text = batch.claim(head_max + (copies_all ? body_bytes : 0));
  char* at = copies_lines ? append_bytes(text, head.lines) : text;
  at = append_bytes(at, head.more_lines);
  at += begin_answer(head, length, at);
  for (size_t i = 0; copies_all && i < body.size(); ++i) at = append_bytes(at, body[i]);
  batch.add_text(text, static_cast<size_t>(at - text));
  for (size_t i = 0; !copies_all && i < body.size(); ++i) batch.add_held(body[i], held);
  batch.count_reply();
}

bool H1Connection::reply_in_pieces(const ReplyHead& head, std::span<const Slice> body, const Hold& hold) {
  uint64_t length = 0;
  for (const Slice& piece : body) length += piece.size();
  if (!batching() || facts_.head_method || length != head.content_length || length > turn_left_) return false;
  turn_left_ -= static_cast<uint32_t>(length);
  gather(head, length, body, length, hold);
  answer_ = Answer::given;
  return true;
}

void H1Connection::reply(const ReplyHead& head, BodySource& source) {
  char framing[framing_lines_max];
  const size_t size = begin_answer(head, head.content_length, framing);
  write_text(head.lines, head.more_lines, {framing, size});
  source_ = &source;
  answer_left_ = head.content_length;
  chunk_left_ = 0;
  answer_ = plan_.framing == AnswerFraming::none ? Answer::given : Answer::streaming;
}

// Bytes that are copied: into the batch while this connection is being worked on, else into its own queue.
void H1Connection::write_text(std::string_view first, std::string_view second, std::string_view third) {
  if (!batching()) {
    queue_.add_copy(first);
    queue_.add_copy(second);
    queue_.add_copy(third);
    host_.want_turn(*this);
    return;
  }
  const size_t total = first.size() + second.size() + third.size();
  char* text = host_.batch.claim(total);
  char* at = text;
  for (std::string_view part : {first, second, third}) at = append_bytes(at, part);
  host_.batch.add_text(text, total);
}

void H1Connection::send_interim(const ReplyHead& head) {
  // RFC 9110 15.2: HTTP/1.0 has no interim responses.
  if (facts_.version_minor == 0 || answer_ != Answer::none) return;
  write_text(head.lines, head.more_lines, "\r\n");
}

void H1Connection::body_ready() { host_.want_turn(*this); }

void H1Connection::cut() {
  cut_wanted_ = true;
  host_.want_turn(*this);
}

// While the loop hands out reads, short answers to all that a client has asked leave together with those to
// other clients.
bool H1Connection::set_aside(Advance last) {
  if (!host_.loop.handing_out_reads() || step_ != Step::idle || last != Advance::wait) return false;
  if (cut_wanted_ || !all_out() || !host_.batch.is_short_text()) return false;
  leaving_ = host_.batch.set_aside();
  host_.leave_later(*this);
  return true;
}

// Writes what was set aside, if anything. The step is that of on_read(), or a later one.
void H1Connection::leave() {
  if (leaving_.empty()) return;
  const Slice bytes = std::exchange(leaving_, {});
  const size_t taken = stream_->write({&bytes, 1});
  host_.count_sent(taken);
  if (taken == bytes.size()) {
    if (host_.draining || client_ended_) host_.want_turn(*this);
    return;
  }
  queue_.add_copy(bytes.substr(taken));
  blocked_ = true;
  since_ = host_.loop.now();
  update_reading();
  update_deadline();
}

// Writes what there is, and bytes of the body source until it has none, the turn's share is used or the
// kernel is full.
void H1Connection::send() {
  if (step_ == Step::closed || step_ == Step::taken) return;
  if (!queue_.empty() && !flush()) return;
  bool more = true;
  while (more) {
    more = answer_ == Answer::streaming && !cut_wanted_ && !blocked_ && pull_body();
    if (!flush()) return;
  }
}

bool H1Connection::pull_body() {
  if (turn_left_ == 0) {
    host_.want_turn(*this);
    return false;
  }
  std::array<Slice, 16> slices;
  size_t count = 0;
  switch (source_->pull(slices, count)) {
    case BodySource::State::ready:
      return !cut_wanted_ && add_body({slices.data(), count});
    case BodySource::State::wait:
      return false;
    case BodySource::State::end:
      finish_body();
      return false;
    case BodySource::State::failed:
      cut_wanted_ = true;
      return false;
  }
  return false;
}

// Puts what the source gave into the batch, framed. False when there was nothing.
bool H1Connection::add_body(std::span<const Slice> slices) {
  uint64_t take = 0;
  for (const Slice& slice : slices) take += slice.size();
  if (take == 0) return false;
  if (plan_.framing == AnswerFraming::length && take > answer_left_) {
    // More than was announced: the length was a lie, and the client must not take the body for complete.
    cut_wanted_ = true;
    return false;
  }
  OutputBatch& batch = host_.batch;
  if (take > turn_left_) take = turn_left_;
  const bool chunked = plan_.framing == AnswerFraming::chunked;
  if (chunked && chunk_left_ == 0) {
    char* prefix = batch.claim(18);
    batch.add_text(prefix, http::write_chunk_prefix(take, prefix));
    chunk_left_ = take;
  } else if (chunked && take > chunk_left_) {
    take = chunk_left_;
  }
  const bool ends_chunk = chunked && take == chunk_left_;
  for (const Slice& slice : slices) {
    const Slice part = slice.substr(0, static_cast<size_t>(take));
    batch.add_body(part);
    take -= part.size();
  }
  if (ends_chunk) batch.copy_text("\r\n");
  return true;
}

void H1Connection::finish_body() {
  const bool chunked = plan_.framing == AnswerFraming::chunked;
  if ((plan_.framing == AnswerFraming::length && answer_left_ > 0) || (chunked && chunk_left_ > 0)) {
    cut_wanted_ = true;
    return;
  }
  if (chunked) host_.batch.copy_text("0\r\n\r\n");
  answer_ = Answer::given;
}

// One write of all that is gathered. False when the kernel has taken less.
bool H1Connection::flush() {
  OutputBatch& batch = host_.batch;
  if (blocked_) {
    batch.move_to(queue_);
    return false;
  }
  if (!queue_.empty()) {
    batch.move_to(queue_);
    const size_t taken = queue_.write_to(*stream_);
    host_.count_sent(taken);
    blocked_ = !queue_.empty();
    if (blocked_) since_ = host_.loop.now();
    return !blocked_;
  }
  if (batch.empty()) return true;
  const OutputBatch::Written written = batch.write_to(*stream_, queue_);
  host_.count_sent(written.bytes);
  blocked_ = !written.all;
  if (blocked_) since_ = host_.loop.now();
  if (written.body_bytes > 0) {
    newcomer_ = false;
    turn_left_ -= static_cast<uint32_t>(written.body_bytes);
    if (plan_.framing == AnswerFraming::length) answer_left_ -= written.body_bytes;
    if (plan_.framing == AnswerFraming::chunked) chunk_left_ -= written.body_bytes;
    source_->consumed(written.body_bytes);
  }
  return !blocked_;
}

TakenStream H1Connection::take_stream() {
  if (step_ != Step::exchange) return {};
  if (working_) {
    flush();
  } else if (!blocked_ && !queue_.empty()) {
    host_.count_sent(queue_.write_to(*stream_));
    blocked_ = !queue_.empty();
  }
  step_ = Step::taken;
  timer_.cancel();
  handler_ = nullptr;
  source_ = nullptr;
  stream_->read_start();
  if (!working_) host_.want_turn(*this);
  net::Stream* stream = stream_;
  if (!queue_.empty()) stream = new LeftoverStream(*stream_, std::move(queue_));
  return {stream, working_ ? input_ : std::string_view(tail_)};
}

}  // namespace perigee::serve

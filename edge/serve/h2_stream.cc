#include "edge/serve/h2_stream.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "edge/serve/h2_connection.h"
#include "edge/serve/h2_output.h"

namespace perigee::serve {

H2Stream::H2Stream(H2Connection& connection, int32_t id, MonoTime now)
    : connection_(connection), id_(id), takes_(now), sends_(now) {}

void* H2Stream::operator new(size_t bytes, FreeLists& lists) {
  static_assert(alignof(H2Stream) <= alignof(std::max_align_t));
  void* memory = lists.take(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void H2Stream::operator delete(H2Stream* stream, std::destroying_delete_t) {
  FreeLists& lists = stream->connection_.host().free_lists;
  stream->~H2Stream();
  lists.give(stream);
}

const http::RequestHead& H2Stream::request() const { return connection_.host().head; }
net::Loop& H2Stream::loop() const { return connection_.host().loop; }
net::Address H2Stream::client_address() const { return connection_.client_address(); }
std::string_view H2Stream::scheme() const { return connection_.host().options.scheme; }
const net::TlsFacts* H2Stream::tls() const { return connection_.tls(); }

H2Stream::Give H2Stream::offer(size_t most, size_t& bytes) {
  bytes = 0;
  if (cut_) return Give::failed;
  return source_ == nullptr ? offer_body(most, bytes) : offer_source(most, bytes);
}

H2Stream::Give H2Stream::offer_body(size_t most, size_t& bytes) {
  bytes = std::min(most, body_.size());
  return bytes == body_.size() ? Give::last : Give::some;
}

// What was taken and is not written is still the source's, and comes again at the front of what it gives.
H2Stream::Give H2Stream::offer_source(size_t most, size_t& bytes) {
  // Content is asked for when the head has become a frame, so nobody looks at its lines any more.
  release_hold();
  std::array<Slice, 16> slices;
  size_t count = 0;
  switch (source_->pull(slices, count)) {
    case BodySource::State::wait:
      return Give::wait;
    case BodySource::State::failed:
      return Give::failed;
    case BodySource::State::end:
      return left_ == 0 || left_ == ReplyHead::unknown_length ? Give::last : Give::failed;
    case BodySource::State::ready:
      break;
  }
  size_t there = 0;
  for (size_t i = 0; i < count; ++i) there += slices[i].size();
  if (there <= unwritten_) return unwritten_ > 0 ? Give::flush : Give::wait;
  there -= unwritten_;
  // More than was announced: the client must not take the answer for complete.
  if (left_ != ReplyHead::unknown_length && there > left_) return Give::failed;
  bytes = std::min(most, there);
  return bytes == left_ ? Give::last : Give::some;
}

void H2Stream::take(size_t bytes, H2Output& out) {
  takes_.moved(bytes);
  if (source_ == nullptr) {
    out.add(body_.substr(0, bytes));
    body_.remove_prefix(bytes);
    return;
  }
  if (left_ != ReplyHead::unknown_length) left_ -= bytes;
  std::array<Slice, 16> slices;
  size_t count = 0;
  source_->pull(slices, count);
  size_t skip = unwritten_;
  size_t rest = bytes;
  for (size_t i = 0; i < count && rest > 0; ++i) {
    const size_t skipped = std::min(skip, slices[i].size());
    skip -= skipped;
    const Slice part = slices[i].substr(skipped, rest);
    out.add(part);
    rest -= part.size();
  }
  unwritten_ += bytes;
}

void H2Stream::taken_is_written() {
  if (unwritten_ == 0) return;
  const size_t written = std::exchange(unwritten_, 0);
  if (source_ != nullptr) source_->consumed(written);
}

void H2Stream::receive(std::string_view bytes) {
  sends_.moved(bytes.size());
  if (handler_ == nullptr || !wants_content_) {
    discarded_ += bytes.size();
  } else {
    content_.append(bytes);
  }
}

void H2Stream::receive_end() { content_ended_ = true; }

size_t H2Stream::deliver() {
  size_t consumed = std::exchange(discarded_, 0);
  if (handler_ == nullptr) {
    consumed += content_.size();
    content_.clear();
    return consumed;
  }
  if (!reading_ || !wants_content_) return consumed;
  const std::string now = std::exchange(content_, {});
  consumed += now.size();
  if (!now.empty()) handler_->on_request_body(now);
  if (content_ended_ && !end_delivered_ && handler_ != nullptr) {
    end_delivered_ = true;
    handler_->on_request_end();
  }
  return consumed;
}

void H2Stream::end(ExchangeEnd how) {
  ExchangeHandler* handler = std::exchange(handler_, nullptr);
  source_ = nullptr;
  body_ = {};
  release_hold();
  if (handler != nullptr) handler->on_exchange_end(how);
}

void H2Stream::keep_answer() {
  if (holding_ || complete_) return;
  if (hold_.acquire != nullptr && !hold_.given) hold_.acquire(hold_.owner, hold_.object);
  holding_ = true;
}

void H2Stream::release_hold() {
  const bool ours = holding_ || hold_.given;
  if (ours && hold_.release != nullptr) hold_.release(hold_.owner, hold_.object);
  hold_ = {};
  holding_ = false;
}

void H2Stream::body_ready() {
  if (std::exchange(waiting_, false)) connection_.resume(*this);
}

void H2Stream::read_request_body() {
  if (!wants_content_) return;
  if (!std::exchange(reading_, true)) sends_.begin(loop().now());
  if (std::exchange(expects_continue_, false) && !answered_ && content_.empty())
    connection_.send_continue(*this);
  connection_.want_turn();
}

void H2Stream::cut() {
  cut_ = true;
  connection_.cut(*this);
}

void H2Stream::send_interim(const ReplyHead& head) {
  if (!answered_ && !closed_) connection_.submit_interim(*this, head);
}

void H2Stream::reply_held(const ReplyHead& head, const Hold& hold, BodySource& source) {
  hold_ = hold;
  head_lasts_ = true;
  reply(head, source);
}

void H2Stream::reply(const ReplyHead& head, std::string_view body, const Hold& hold) {
  const bool bodiless = head_method_ || head.status < 200 || head.status == 204 || head.status == 304;
  hold_ = hold;
  head_lasts_ = true;
  uint64_t length = head.content_length;
  if (bodiless) body = {};
  if (length == ReplyHead::unknown_length && !bodiless) length = body.size();
  body_ = body;
  left_ = body.size();
  if (!bodiless && length != body.size()) cut_ = true;
  connection_.submit_reply(*this, head, length, !body.empty());
}

void H2Stream::reply(const ReplyHead& head, BodySource& source) {
  const bool bodiless = head_method_ || head.status < 200 || head.status == 204 || head.status == 304;
  left_ = bodiless ? 0 : head.content_length;
  source_ = &source;
  connection_.submit_reply(*this, head, head.content_length, left_ > 0);
}

}  // namespace perigee::serve

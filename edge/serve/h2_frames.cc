// What nghttp2 tells the connection: heads, content, frames that come and go.
#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "edge/serve/h2_connection.h"
#include "edge/serve/h2_output.h"
#include "edge/serve/owned_reply.h"

namespace perigee::serve {
namespace {

// A window that grows by less than this costs more than it brings.
constexpr int32_t tiny_window_increment = 256;
constexpr uint32_t bad_frame_cost = 5;
// A block that unpacks to so many times what a head may be is not a long head but a bomb.
constexpr size_t bomb_factor = 4;
constexpr uint32_t bomb_cost = 50;
// A block of fields that is ignored is unpacked all the same, for the sake of the table: so many bytes of it
// cost one. Trailers of a request that was answered early are smaller.
constexpr uint32_t ignored_block_bytes = 1024;
constexpr unsigned first_extension = NGHTTP2_CONTINUATION + 1;
constexpr uint64_t unlimited = 1'000'000'000;
// Several times what limits.head_bytes may be.
constexpr size_t head_block_bytes_max = size_t{8} * 1024 * 1024;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct Release {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
using Callbacks = std::unique_ptr<nghttp2_session_callbacks, Release>;
using Option = std::unique_ptr<nghttp2_option, Release>;

Callbacks make_callbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  return Callbacks(callbacks);
}

Option make_option(const Http2Options& options) {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Our budget is spent before the library's, which ends a session without a word to client or operator.
  nghttp2_option_set_max_outbound_ack(option, size_t{options.glitches_max} * 2);
  nghttp2_option_set_max_continuations(option, size_t{options.glitches_max} * 2);
  nghttp2_option_set_stream_reset_rate_limit(option, unlimited, unlimited);
  // A head that an upstream may send must not be too long for it.
  nghttp2_option_set_max_send_header_block_length(option, head_block_bytes_max);
  // Types that nobody has defined are counted as they come; see h2_priority.cc.
  for (unsigned type = first_extension; type <= 0xff; ++type)
    nghttp2_option_set_user_recv_extension_type(option, static_cast<uint8_t>(type));
  return Option(option);
}

}  // namespace

void H2Connection::make_session() {
  const Http2Options& options = host_.options.http2;
  const Callbacks callbacks = make_callbacks();
  nghttp2_session_callbacks* on = callbacks.get();
  nghttp2_session_callbacks_set_on_begin_frame_callback(on, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(on, on_begin_headers);
  nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(on, on_extension_bytes);
  nghttp2_session_callbacks_set_unpack_extension_callback(on, on_extension);
  nghttp2_session_callbacks_set_on_header_callback(on, on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(on, on_bad_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(on, on_bad_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
  nghttp2_session_callbacks_set_on_frame_send_callback(on, on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(on, on_frame_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(on, on_stream_closed);
  nghttp2_session_callbacks_set_send_data_callback(on, on_send_data);
  const Option option = make_option(options);
  if (nghttp2_session_server_new3(&session_, on, this, option.get(), memory_.hooks()) != 0)
    throw std::bad_alloc();
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, host_.options.head_limits.head_bytes_max},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(options.connection_window_bytes));
}

H2Stream* H2Connection::find(int32_t id) const {
  // Mostly it is the latest.
  if (first_ != nullptr && first_->id() == id && !first_->closed_) return first_;
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

// GOAWAY with this error, and nothing more is read. Not from inside of mem_recv(): behind a DATA frame the
// library forgets that it was told, goes on, and asserts that it did not.
void H2Connection::end_session(uint32_t error) {
  if (std::exchange(doomed_, true)) return;
  if (receiving_) {
    ending_ = error;
  } else {
    nghttp2_session_terminate_session(session_, error);
  }
}

// The budget is spent: ENHANCE_YOUR_CALM.
void H2Connection::glitch(uint32_t count) {
  if (glitches_.spend(count, host_.loop.now()) || doomed_) return;
  host_.metrics.add(Metric::http2_abuse);
  end_session(NGHTTP2_ENHANCE_YOUR_CALM);
}

int H2Connection::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
  H2Connection& connection = of(self);
  switch (head->type) {
    // Others are counted when they are whole; this is never told of again.
    case NGHTTP2_PRIORITY:
      connection.glitch();
      // RFC 9113 6.3. The library does not look at priorities that it has disowned.
      if (head->stream_id == 0) connection.fail(NGHTTP2_PROTOCOL_ERROR);
      break;
    // Here, because those of streams that have ended come no further.
    case NGHTTP2_WINDOW_UPDATE:
      if (!connection.window_credit_.spend()) connection.glitch();
      break;
    case NGHTTP2_HEADERS:
      connection.judge_closed(head->stream_id, NGHTTP2_HEADERS, head->length);
      // Behind our last word the library ignores what begins.
      if (connection.drain_ == Drain::final) connection.charge_ignored(0, NGHTTP2_HEADERS, head->length);
      if (head->stream_id % 2 != 0)
        connection.last_begun_ = std::max(connection.last_begun_, head->stream_id);
      break;
    default:
      break;
  }
  return connection.verdict();
}

// Heads that the library may ignore without a word: of content, and of pieces of a block of fields.
void H2Connection::judge_head() {
  if (frame_heads_.is_data()) return judge_closed(frame_heads_.stream(), NGHTTP2_DATA, frame_heads_.length());
  const auto size = static_cast<uint32_t>(frame_heads_.length());
  glitch(block_ != Block::none ? 1 : 1 + size / ignored_block_bytes);
}

// RFC 9113 5.1: on a stream that the client has ended or reset nothing more may come; and a stream whose
// number was passed over can never begin (5.1.1). The library lets both pass. What was under way when we
// reset a stream is nobody's fault, as far as it can have been under way.
void H2Connection::judge_closed(int32_t id, uint8_t type, size_t bytes) {
  if (doomed_ || id % 2 == 0 || id > last_begun_) return;
  if (nghttp2_session_find_stream(session_, id) != nullptr) {
    // It lives, or its reset is not sent yet.
    if (cut_short_.remembers(id)) charge_ignored(id, type, bytes);
    return;
  }
  if (drain_ == Drain::final && id > nghttp2_session_get_last_proc_stream_id(session_))
    cut_short_.add(id, host_.options.http2.stream_window_bytes);
  if (cut_short_.has(id)) return charge_ignored(id, type, bytes);
  if (type == NGHTTP2_HEADERS) return fail(NGHTTP2_PROTOCOL_ERROR);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
  // Now, not only when it is sent: a client that does not read could have any number of them made.
  cut_short_.add(id, 0);
  glitch();
}

void H2Connection::charge_ignored(int32_t id, uint8_t type, size_t bytes) {
  const auto size = static_cast<uint32_t>(bytes);
  if (type == NGHTTP2_HEADERS) return glitch(1 + size / ignored_block_bytes);
  if (!cut_short_.spend(id, size)) glitch();
}

void H2Connection::fail(uint32_t error) {
  host_.metrics.add(Metric::requests_bad);
  end_session(error);
}

int H2Connection::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  H2Connection& connection = of(self);
  if (connection.head_ == nullptr) connection.head_ = connection.host_.h2_head_readers.take();
  connection.head_->start();
  const bool request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  connection.block_ = request ? Block::request : Block::trailers;
  connection.block_of_ = frame->hd.stream_id;
  connection.head_since_ = connection.host_.loop.now();
  if (request) connection.begin_head(frame->hd.stream_id);
  return 0;
}

void H2Connection::begin_head(int32_t id) {
  window_credit_.on_request();
  auto* stream = new (host_.free_lists) H2Stream(*this, id, host_.loop.now());
  stream->next_ = first_;
  if (first_ != nullptr) first_->previous_ = stream;
  first_ = stream;
  nghttp2_session_set_stream_user_data(session_, id, stream);
}

int H2Connection::on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                            const uint8_t* value, size_t value_size, uint8_t, void* self) {
  H2Connection& connection = of(self);
  const http::HeadLimits& limits = connection.host_.options.head_limits;
  // Of a block that was given up the library should have nothing to say.
  if (connection.head_ == nullptr) return NGHTTP2_ERR_CALLBACK_FAILURE;
  connection.head_->add(view(name, name_size), view(value, value_size), limits);
  if (connection.head_->bytes() <= bomb_factor * limits.head_bytes_max) return 0;
  // The library resets the stream, and goes through the rest of the block for the sake of its table alone.
  connection.host_.metrics.add(Metric::requests_bad);
  connection.report_unfinished(431, "the fields unpack to far more than a request head may have");
  connection.note_cut(connection.block_of_);
  connection.glitch(bomb_cost);
  return connection.verdict(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
}

// The library would leave the field out; a request that has one is no request.
int H2Connection::on_bad_header(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                                const uint8_t*, size_t, uint8_t, void* self) {
  H2Connection& connection = of(self);
  if (connection.head_ == nullptr) return NGHTTP2_ERR_CALLBACK_FAILURE;
  connection.head_->refuse({400, "malformed field"});
  return 0;
}

int H2Connection::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  H2Connection& connection = of(self);
  connection.count_frame(*frame);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS) {
    connection.end_block(*frame);
  } else if (frame->hd.type == NGHTTP2_DATA && ends) {
    if (H2Stream* stream = connection.find(frame->hd.stream_id)) stream->receive_end();
  }
  return connection.verdict();
}

void H2Connection::end_block(const nghttp2_frame& frame) {
  block_ = Block::none;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) return end_head(frame.hd.stream_id, !ends);
  // RFC 9113 8.1: trailers. They are judged, and go no further.
  H2Stream* stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (head_->finish_trailers()) return reset_stream(*stream, NGHTTP2_PROTOCOL_ERROR);
  if (ends) stream->receive_end();
}

// What is legal and serves nothing.
void H2Connection::count_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_DATA:
      // Padding is no content.
      if (frame.hd.length == frame.data.padlen && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) glitch();
      return;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) glitch();
      return;
    // Both ways: we send none, so an answer is an answer to nothing. Browsers send one in ten seconds or so,
    // to see whether an idle connection still lives.
    case NGHTTP2_PING:
      return glitch();
    // One farewell is in order, and a second may make the first more precise (RFC 9113 6.8).
    case NGHTTP2_GOAWAY:
      if (++farewells_ > 2) glitch();
      return;
    case NGHTTP2_WINDOW_UPDATE:
      if (frame.window_update.window_size_increment < tiny_window_increment) glitch();
      return;
    case NGHTTP2_RST_STREAM:
      return glitch();
    default:
      return;
  }
}

int H2Connection::on_bad_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* self) {
  H2Connection& connection = of(self);
  if (frame->hd.type == NGHTTP2_HEADERS) connection.report_unfinished(400, nghttp2_strerror(error));
  connection.host_.metrics.add(Metric::requests_bad);
  // A client that does not know our limit of streams yet may go beyond it, with content behind. Later the
  // library takes it for an error of the connection.
  const bool refused = error == NGHTTP2_ERR_REFUSED_STREAM;
  if (refused) {
    connection.cut_short_.add(frame->hd.stream_id, connection.host_.options.http2.stream_window_bytes);
  } else if (frame->hd.stream_id > 0 && frame->hd.stream_id <= connection.last_begun_) {
    // Now, not only when the library's reset is sent.
    connection.note_cut(frame->hd.stream_id);
  }
  connection.glitch(refused ? 1 : bad_frame_cost);
  return connection.verdict();
}

// The head of a request is whole.
void H2Connection::end_head(int32_t id, bool content_follows) {
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  use_early_priority(id);
  http::RequestHead& head = host_.head;
  if (const http::Refusal refusal = head_->finish(host_.options.head_limits, content_follows, head))
    return refuse(*stream, refusal);
  stream->head_method_ = head.method == http::Method::head;
  stream->wants_content_ = content_follows && http::has_content(head);
  stream->expects_continue_ = head.expect_continue;
  if (++requests_ >= host_.options.requests_per_connection_max) begin_drain();
  host_.handler.on_request(*stream);
  if (stream->answered_ || stream->handler_ != nullptr || stream->cut_) return;
  stream->cut();
}

void H2Connection::refuse(H2Stream& stream, const http::Refusal& refusal) {
  host_.metrics.add(Metric::requests_bad);
  glitch();
  host_.handler.on_refused(
      {client_address(), refusal.status, refusal.reason, head_->method(), head_->authority(), head_->path()});
  // RFC 9113 8.1.1: what is malformed is an error of the stream.
  if (refusal.status == 400) return reset_stream(stream, NGHTTP2_PROTOCOL_ERROR);
  std::string body = std::to_string(refusal.status);
  body.append(" ")
      .append(http::reason_phrase(refusal.status))
      .append(": ")
      .append(refusal.reason)
      .append("\n");
  const size_t length = body.size();
  reply_owned(
      stream, refusal.status, length,
      "HTTP/1.1 " + std::to_string(refusal.status) + " \r\ncontent-type: text/plain; charset=utf-8\r\n",
      std::move(body));
}

// Tells whoever keeps account of a request whose head will never be whole, or of a connection that failed
// before there was one; of all others account is kept already.
void H2Connection::report_unfinished(int status, std::string_view reason) {
  const Block block = std::exchange(block_, Block::none);
  if (block == Block::trailers) return;
  if (block == Block::none && (last_begun_ != 0 || std::exchange(failed_, true))) return;
  RefusedRequest refused{client_address(), status, reason, {}, {}, {}};
  if (block == Block::request) {
    refused.method = head_->method();
    refused.authority = head_->authority();
    refused.target = head_->path();
  }
  host_.handler.on_refused(refused);
}

int H2Connection::on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                          void* self) {
  H2Connection& connection = of(self);
  H2Stream* stream = connection.find(id);
  if (stream != nullptr) {
    stream->receive(view(bytes, size));
  } else {
    nghttp2_session_consume(connection.session_, id, size);
  }
  return 0;
}

void H2Connection::reset_stream(H2Stream& stream, uint32_t error) {
  note_cut(stream.id());
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id(), error);
}

// Where the client has not ended its side, something may be under way.
void H2Connection::note_cut(int32_t id) {
  const int remote = nghttp2_session_get_stream_remote_close(session_, id);
  if (remote != 1) cut_short_.add(id, remote == 0 ? host_.options.http2.stream_window_bytes : 0);
}

int H2Connection::on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  H2Connection& connection = of(self);
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    const uint32_t error = frame->rst_stream.error_code;
    connection.note_cut(frame->hd.stream_id);
    // Resets that a client provokes cost as much as those it sends (CVE-2025-8671).
    // What was refused is counted already.
    if (error != NGHTTP2_NO_ERROR && error != NGHTTP2_INTERNAL_ERROR && error != NGHTTP2_REFUSED_STREAM)
      connection.glitch();
    return 0;
  }
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
    connection.report_unfinished(400, nghttp2_http2_strerror(frame->goaway.error_code));
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  H2Stream* stream = connection.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->complete_ = true;
  // RFC 9113 8.1: the rest of the request is not wanted any more.
  if (nghttp2_session_get_stream_remote_close(session, stream->id()) == 0)
    connection.reset_stream(*stream, NGHTTP2_NO_ERROR);
  return 0;
}

// An answer whose head cannot be made into frames is cut; not what ends anyway.
int H2Connection::on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* self) {
  const bool ends = error == NGHTTP2_ERR_SESSION_CLOSING || error == NGHTTP2_ERR_STREAM_CLOSING ||
                    error == NGHTTP2_ERR_STREAM_CLOSED;
  if (frame->hd.type != NGHTTP2_HEADERS || ends) return 0;
  H2Stream* stream = of(self).find(frame->hd.stream_id);
  if (stream != nullptr && !stream->cut_) stream->cut();
  return 0;
}

int H2Connection::on_stream_closed(nghttp2_session* session, int32_t id, uint32_t, void* self) {
  H2Connection& connection = of(self);
  // Of a block that its stream does not live to see the end of the library says nothing more.
  if (connection.block_of_ == id) connection.block_ = Block::none;
  H2Stream* stream = connection.find(id);
  if (stream == nullptr) return 0;
  nghttp2_session_set_stream_user_data(session, id, nullptr);
  stream->closed_ = true;
  return 0;
}

ssize_t H2Connection::on_offer(nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                               nghttp2_data_source* source, void* self) {
  H2Connection& connection = of(self);
  auto& stream = *static_cast<H2Stream*>(source->ptr);
  if (connection.turn_left_ == 0) {
    connection.want_turn();
    return NGHTTP2_ERR_PAUSE;
  }
  size_t bytes = 0;
  *flags = NGHTTP2_DATA_FLAG_NO_COPY;
  switch (stream.offer(std::min<size_t>(most, connection.turn_left_), bytes)) {
    case H2Stream::Give::some:
      return static_cast<ssize_t>(bytes);
    case H2Stream::Give::last:
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(bytes);
    case H2Stream::Give::flush:
      connection.more_ = true;
      return NGHTTP2_ERR_PAUSE;
    case H2Stream::Give::wait:
      stream.waiting_ = true;
      return NGHTTP2_ERR_DEFERRED;
    case H2Stream::Give::failed:
      stream.cut_ = true;
      connection.host_.metrics.add(Metric::responses_cut);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2Connection::on_send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                               nghttp2_data_source* source, void* self) {
  H2Connection& connection = of(self);
  H2Output& out = connection.host_.h2_output;
  if (out.full()) return NGHTTP2_ERR_WOULDBLOCK;
  constexpr size_t frame_head_bytes = 9;
  out.copy(view(head, frame_head_bytes));
  static_cast<H2Stream*>(source->ptr)->take(size, out);
  connection.window_credit_.on_data_sent();
  connection.takes_.moved(size);
  connection.turn_left_ -= std::min(connection.turn_left_, static_cast<uint32_t>(size));
  return 0;
}

}  // namespace perigee::serve

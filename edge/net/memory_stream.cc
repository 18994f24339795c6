#include "edge/net/memory_stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "edge/net/memory_listener.h"

namespace perigee::net {
namespace {

constexpr size_t slices_max = 1024;
constexpr char overwritten = static_cast<char>(0xdd);
constexpr Duration connect_retry = std::chrono::seconds(1);

}  // namespace

std::shared_ptr<MemoryStream> MemoryStream::connect(MemoryLoop& loop, const Address& to,
                                                    StreamHandler& handler) {
  MemoryNode& node = *loop.node();
  Address local = node.ip.with_port(node.next_port++);
  if (node.next_port < 40000) node.next_port = 40000;
  auto stream = std::make_shared<MemoryStream>(loop, local, to, &handler);
  stream->state_ = State::connecting;
  std::string peer = loop.network().node_at(to);
  size_t capacity = node.shape.send_buffer_bytes;
  auto in = std::make_shared<MemoryPipe>(loop.network(), peer, node.name, capacity);
  auto out = std::make_shared<MemoryPipe>(loop.network(), node.name, peer, capacity);
  in->receiver = stream;
  out->sender = stream;
  stream->join(std::move(in), std::move(out));
  loop.network().remember(stream);
  loop.network().carry(node.name, peer, 0, nullptr, [stream] { knock(stream); });
  return stream;
}

std::shared_ptr<MemoryStream> MemoryStream::answer(MemoryLoop& loop, MemoryStream& client,
                                                   const Address& local) {
  auto stream = std::make_shared<MemoryStream>(loop, local, client.local_, nullptr);
  client.in_->sender = stream;
  client.out_->receiver = stream;
  stream->join(client.out_, client.in_);
  loop.network().remember(stream);
  return stream;
}

// The connect has arrived where it goes. The way back takes as long again.
void MemoryStream::knock(std::shared_ptr<MemoryStream> stream) {
  if (stream->closing_) return;
  MemoryNetwork& network = stream->loop_.network();
  auto [here, there] = stream->nodes();
  MemoryAcceptQueue* queue =
      network.link(here, there).refuse ? nullptr : network.find_listener(stream->remote_);
  if (queue == nullptr) {
    network.carry_or_lose(there, here, [stream] { stream->refuse(StreamError::connection_refused); });
    return;
  }
  if (!queue->offer(*stream)) {
    MemoryScheduler& scheduler = network.scheduler();
    scheduler.at(scheduler.now() + connect_retry, [stream] { knock(stream); });
    return;
  }
  network.carry(there, here, 0, nullptr, [stream] { stream->establish(); });
}

void MemoryStream::join(std::shared_ptr<MemoryPipe> in, std::shared_ptr<MemoryPipe> out) {
  in_ = std::move(in);
  out_ = std::move(out);
}

void MemoryStream::establish() {
  if (closing_ || state_ != State::connecting) return;
  state_ = State::established;
  mark_ready();
}

void MemoryStream::refuse(StreamError why) {
  if (closing_) return;
  error_ = why;
  mark_ready();
}

void MemoryStream::mark_ready() {
  if (!closed_) loop_.mark_ready(shared_from_this());
}

void MemoryStream::hear_reset() {
  in_->set_reset();
  mark_ready();
}

void MemoryStream::break_connection() {
  if (closing_) return;
  hear_reset();
}

void MemoryStream::read_start() {
  reading_ = true;
  if (in_->readable() || in_->at_end() || in_->is_reset()) mark_ready();
}

size_t MemoryStream::write(std::span<const Slice> slices) {
  assert(slices.size() <= slices_max && !shut_);
  if (closing_) return 0;
  ++loop_.counters().writes;
  if (state_ == State::failed || in_->is_reset()) {
    write_failed_ = true;
    mark_ready();
    return 0;
  }
  size_t limit = state_ == State::connecting ? 0 : out_->space();
  size_t per_call = loop_.node()->shape.write_bytes_max;
  if (per_call > 0) limit = std::min(limit, per_call);
  std::string taken;
  size_t offered = 0;
  for (Slice slice : slices) {
    offered += slice.size();
    taken.append(slice.substr(0, limit - taken.size()));
  }
  out_->send(taken);
  loop_.counters().bytes_written += taken.size();
  if (taken.size() < offered) {
    want_write_ = true;
    if (limit > 0 && out_->space() > 0) mark_ready();
  }
  return taken.size();
}

void MemoryStream::shutdown_write() {
  if (closing_ || std::exchange(shut_, true)) return;
  if (state_ != State::failed) out_->send_end();
}

void MemoryStream::close() {
  if (std::exchange(closing_, true)) return;
  if (state_ == State::failed || in_->is_reset()) {
    // Nothing is left to tell the other side.
  } else if (in_->readable()) {
    // RFC 9293 3.6.1: closing with bytes unread sends a reset.
    out_->send_reset_in_order();
  } else if (!shut_) {
    out_->send_end();
  }
  release();
}

void MemoryStream::reset() {
  if (std::exchange(closing_, true)) return;
  out_->send_reset();
  release();
}

void MemoryStream::abandon() {
  closing_ = closed_ = true;
  out_->send_reset();
  in_->close_receiver();
}

void MemoryStream::release() {
  in_->close_receiver();
  mark_ready();
}

void MemoryStream::run_ready() {
  if (handler_ == nullptr) return;
  if (closing_) return finish_close();
  if (state_ == State::failed) return;
  if (report_failure()) return;
  if (state_ == State::connecting) return;
  if (state_ == State::established) {
    state_ = State::open;
    handler_->on_connected();
    if (closing_) return;
  }
  if (reading_) read_once();
  if (closing_) return;
  if (reading_) end_once();
  if (closing_) return;
  if (want_write_ && out_->space() > 0) {
    want_write_ = false;
    handler_->on_writable();
  }
  if (closing_) return;
  if (reading_ && (in_->readable() || in_->at_end() || in_->is_reset())) mark_ready();
}

bool MemoryStream::report_failure() {
  bool unread = reading_ && in_->readable() && !write_failed_ && error_ == StreamError::none;
  if (error_ == StreamError::none && (write_failed_ || in_->is_reset())) {
    error_ = StreamError::connection_reset;
    // What came before the reset is read first.
    if (unread) error_ = StreamError::none;
  }
  if (error_ == StreamError::none) return false;
  state_ = State::failed;
  reading_ = false;
  handler_->on_error(error_);
  return true;
}

void MemoryStream::read_once() {
  if (!in_->readable()) return;
  const StreamShape& shape = loop_.node()->shape;
  std::vector<char>& buffer = loop_.receive_buffer();
  size_t limit = std::clamp<size_t>(shape.read_bytes_max, 1, buffer.size());
  if (shape.random_read_sizes) limit = 1 + loop_.scheduler().random().below(limit);
  size_t size = in_->read(buffer.data(), limit);
  ++loop_.counters().reads;
  loop_.counters().bytes_read += size;
  loop_.scheduler().trace(number_, size);
  loop_.hand_out_reads();
  handler_->on_read({buffer.data(), size});
  std::memset(buffer.data(), overwritten, size);
}

void MemoryStream::end_once() {
  if (ended_ || in_->readable() || !in_->at_end()) return;
  ended_ = true;
  reading_ = false;
  handler_->on_end();
}

void MemoryStream::finish_close() {
  if (std::exchange(closed_, true)) return;
  auto self = shared_from_this();
  loop_.forget(*this);
  handler_->on_closed();
}

}  // namespace perigee::net

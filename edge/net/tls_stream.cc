#include "edge/net/tls_stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "edge/net/slice_reader.h"
#include "edge/net/tls_session.h"
#include "edge/net/tls_workspace.h"

namespace perigee::net {
namespace {

class TlsStream final : public Stream, private StreamHandler, private TlsRowMember {
 public:
  TlsStream(Loop& loop, std::shared_ptr<TlsWorkspace> workspace, Stream& below, SSL* session,
            std::shared_ptr<const void> context, StreamHandler& handler);

  void begin();
  StreamHandler& as_handler() { return *this; }

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void read_start() override;
  void read_stop() override;
  size_t write(std::span<const Slice> slices) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  Address local_address() const override { return below_.local_address(); }
  Address remote_address() const override { return below_.remote_address(); }
  const TlsFacts* tls() const override { return facts_.get(); }

 private:
  // open: the handler reads and writes, early data perhaps.
  enum class State : uint8_t { handshake, open, failed, closing };
  class Later;

  ~TlsStream() {
    *alive_ = nullptr;
    workspace_->row.take(*this);
  }

  void expect_read() override { session_.prefetch(handler_); }
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(StreamError error) override;
  void on_closed() override;
  void on_turn_in_row(std::string_view plain) override;

  void hand_out_waiting();
  void work();
  bool shake_hands();
  bool open_records();
  TlsSession::Result open_row(char* into, size_t& size);
  size_t seal(SliceReader& reader);
  bool put(const char* bytes, size_t size);
  void flush();
  void fail(StreamError error);
  void come_back();
  void keep_rest();
  bool is_open() const { return state_ == State::open; }
  bool is_live() const { return state_ == State::handshake || is_open(); }

  Loop& loop_;
  const std::shared_ptr<TlsWorkspace> workspace_;
  Stream& below_;
  const std::shared_ptr<const void> context_;
  TlsSession session_;
  StreamHandler* handler_;
  std::unique_ptr<TlsFacts> facts_;
  // Shared with messages to the loop, which may come after our end. Made when the first is sent.
  std::shared_ptr<TlsStream*> alive_;
  std::string unopened_;  // received while nobody wanted to read
  std::string pending_;   // records that the stream below has not taken
  size_t owed_ = 0;       // plain bytes in pending_ that were not reported as taken
  StreamError error_ = StreamError::none;
  State state_ = State::handshake;
  bool reading_ = false;
  bool working_ = false;
  bool want_write_ = false;
  bool shut_ = false;
  bool ended_ = false;        // close_notify has come
  bool below_ended_ = false;  // the stream below has
  bool coming_back_ = false;
  std::string opened_;  // plain bytes for which the handler was not ready yet
};

// Brings the loop back to what must not happen inside the call that asked for it.
class TlsStream::Later final : public Task {
 public:
  explicit Later(std::shared_ptr<TlsStream*> stream) : stream_(std::move(stream)) {}
  void run() override {
    if (TlsStream* stream = *stream_) stream->come_back();
  }

 private:
  std::shared_ptr<TlsStream*> stream_;
};

TlsStream::TlsStream(Loop& loop, std::shared_ptr<TlsWorkspace> workspace, Stream& below, SSL* session,
                     std::shared_ptr<const void> context, StreamHandler& handler)
    : loop_(loop),
      workspace_(std::move(workspace)),
      below_(below),
      context_(std::move(context)),
      session_(session, workspace_->method, workspace_->records),
      handler_(&handler),
      alive_(std::make_shared<TlsStream*>(this)) {
  below_.set_handler(*this);
  below_.announce_reads();
}

void TlsStream::begin() {
  below_.read_start();
  // A client speaks first; and what is broken already is said from the loop.
  if (session_.is_broken() || !session_.is_server()) loop_.post(std::make_unique<Later>(alive_));
}

void TlsStream::come_back() {
  coming_back_ = false;
  if (state_ == State::closing) return;
  if (state_ == State::failed) return handler_->on_error(error_);
  if (session_.is_broken()) return fail(StreamError::other);
  work();
}

void TlsStream::read_start() {
  reading_ = true;
  if (!is_live() || ended_) return;
  below_.read_start();
  const bool more = !unopened_.empty() || !opened_.empty() || below_ended_ || session_.has_pending();
  if (working_ || !more || std::exchange(coming_back_, true)) return;
  loop_.post(std::make_unique<Later>(alive_));
}

void TlsStream::read_stop() {
  reading_ = false;
  // A handshake needs to read whatever its handler wants.
  if (is_open()) below_.read_stop();
}

// What it has in the row comes before whatever else it hears of.
void TlsStream::hand_out_waiting() {
  const std::string_view plain = workspace_->row.take(*this);
  if (!plain.empty()) on_turn_in_row(plain);
}

void TlsStream::on_turn_in_row(std::string_view plain) {
  if (!is_open()) return;
  if (reading_) return handler_->on_read(plain);
  opened_.assign(plain);
}

void TlsStream::on_read(std::string_view bytes) {
  hand_out_waiting();
  if (!is_live() || session_.is_broken()) return;
  if (unopened_.empty()) {
    session_.input() = bytes;
  } else {
    unopened_.append(bytes);
  }
  work();
}

// Everything that the received bytes allow: the handshake, then plain bytes for the handler.
void TlsStream::work() {
  if (!is_live()) return;
  // Moved, so that what is kept in the end may go to the same place.
  std::string before = std::move(unopened_);
  unopened_.clear();
  if (!before.empty()) session_.input() = before;
  working_ = true;
  if (state_ == State::handshake && shake_hands()) handler_->on_connected();
  if (is_open() && pending_.empty() && std::exchange(want_write_, false)) handler_->on_writable();
  while (is_open() && reading_ && !ended_ && open_records()) {
  }
  working_ = false;
  if (is_live()) keep_rest();
  session_.input() = {};
  if (is_live() && reading_ && below_ended_ && !ended_) fail(StreamError::connection_reset);
}

void TlsStream::keep_rest() {
  const std::string_view rest = session_.input();
  if (!rest.empty()) unopened_.assign(rest);
}

// True when the session has just become one that can be used.
bool TlsStream::shake_hands() {
  size_t early = 0;
  const auto result = session_.shake_hands(workspace_->row.room(), TlsRow::open_bytes_max, early);
  opened_.assign(workspace_->row.room(), early);
  flush();
  if (!is_live()) return false;
  if (result == TlsSession::Result::done) {
    state_ = State::open;
    facts_ = std::make_unique<TlsFacts>(session_.facts());
    if (!reading_) below_.read_stop();
    return true;
  }
  if (result != TlsSession::Result::starved) fail(StreamError::tls_failed);
  return false;
}

// Opens as many records as fit and hands them out. False when there is nothing to read for now.
bool TlsStream::open_records() {
  using Result = TlsSession::Result;
  if (!opened_.empty()) {
    const std::string opened = std::exchange(opened_, {});
    handler_->on_read(opened);
    return true;
  }
  char* into = workspace_->row.room();
  size_t size = 0;
  const Result result = open_row(into, size);
  // Answers to what was read go first: other streams make their records in the same place.
  flush();
  const bool quiet = result == Result::starved && is_open() && !session_.is_early();
  // What comes from our own connects is never held back: see UvReads.
  if (size > 0 && quiet && session_.is_server() && workspace_->row.add(*this, size)) return false;
  if (size > 0 && is_open()) handler_->on_read({into, size});
  if (!is_open() || result == Result::done) return true;
  if (result == Result::starved) return false;
  if (result == Result::failed) {
    fail(StreamError::tls_failed);
    return false;
  }
  ended_ = true;
  reading_ = false;
  handler_->on_end();
  return false;
}

TlsSession::Result TlsStream::open_row(char* into, size_t& size) {
  while (size < TlsRow::open_bytes_max) {
    size_t part = 0;
    const auto result = session_.open(into + size, TlsRow::open_bytes_max - size, part);
    facts_->early = session_.is_early();
    if (result != TlsSession::Result::done) return result;
    size += part;
    // Early data is never handed out together with what follows: the handler must be able to tell them apart.
    if (session_.is_early()) break;
    if (session_.input().empty() && !session_.has_pending()) return TlsSession::Result::starved;
  }
  return TlsSession::Result::done;
}

size_t TlsStream::write(std::span<const Slice> slices) {
  assert(!shut_);
  if (!is_live()) return 0;
  if (state_ == State::handshake || !pending_.empty()) {
    want_write_ = true;
    return 0;
  }
  SliceReader reader(slices);
  assert(owed_ <= reader.left() && "what was not taken must be offered again");
  const size_t offered = reader.left();
  reader.skip(std::exchange(owed_, 0));
  while (reader.left() > 0 && pending_.empty() && is_open()) {
    const size_t sealed = seal(reader);
    flush();
    if (sealed == 0) break;
    if (!pending_.empty()) {
      owed_ = std::min(pending_.size(), sealed);
      want_write_ = true;
    }
  }
  return offered - reader.left() - owed_;
}

// Makes records of what is offered, at most a batch. Returns the plain bytes in them, 0 on failure.
size_t TlsStream::seal(SliceReader& reader) {
  char* staging = workspace_->staging.get();
  size_t staged = 0;
  size_t sealed = 0;
  const size_t batch = std::min(reader.left(), TlsWorkspace::batch_bytes_max);
  while (sealed + staged < batch) {
    const Slice front = reader.front().substr(0, batch - sealed - staged);
    const bool alone = front.size() == batch - sealed || front.size() >= TlsWorkspace::record_bytes_max;
    if (staged == 0 && alone) {
      const size_t direct = std::min(front.size(), TlsWorkspace::record_bytes_max);
      if (!put(front.data(), direct)) return 0;
      reader.skip(direct);
      sealed += direct;
      continue;
    }
    const size_t part = std::min(front.size(), TlsWorkspace::record_bytes_max - staged);
    std::memcpy(staging + staged, front.data(), part);
    reader.skip(part);
    staged += part;
    if (staged < TlsWorkspace::record_bytes_max && sealed + staged < batch) continue;
    if (!put(staging, staged)) return 0;
    sealed += std::exchange(staged, 0);
  }
  return sealed;
}

bool TlsStream::put(const char* bytes, size_t size) {
  if (session_.seal(bytes, size)) return true;
  state_ = State::failed;
  error_ = StreamError::tls_failed;
  workspace_->records.clear();
  loop_.post(std::make_unique<Later>(alive_));
  return false;
}

// What was made goes down in one write; the rest is kept.
void TlsStream::flush() {
  std::string& records = workspace_->records;
  if (records.empty()) return;
  size_t taken = 0;
  if (pending_.empty()) {
    const Slice slice = records;
    taken = below_.write({&slice, 1});
  }
  pending_.append(records, taken);
  records.clear();
}

void TlsStream::on_writable() {
  hand_out_waiting();
  if (state_ == State::closing || state_ == State::failed) return;
  if (!pending_.empty()) {
    const Slice slice = pending_;
    const size_t taken = below_.write({&slice, 1});
    pending_.erase(0, taken);
    if (!pending_.empty()) return;
    std::string().swap(pending_);
    if (shut_) return below_.shutdown_write();
  }
  if (is_open() && std::exchange(want_write_, false)) handler_->on_writable();
}

void TlsStream::shutdown_write() {
  if (std::exchange(shut_, true)) return;
  // Before a handshake is complete there is no close_notify.
  if (is_open() && !session_.is_early()) {
    session_.say_end();
    flush();
  }
  if (pending_.empty()) below_.shutdown_write();
}

void TlsStream::on_end() {
  hand_out_waiting();
  below_ended_ = true;
  // After close_notify it is what must come.
  if (!is_live() || ended_) return;
  if (state_ == State::handshake) return fail(StreamError::tls_failed);
  // Of what nobody wanted to read some may be with OpenSSL, which reads ahead.
  if (!unopened_.empty() || !opened_.empty() || (!reading_ && session_.has_pending())) return;
  fail(StreamError::connection_reset);
}

void TlsStream::fail(StreamError error) {
  state_ = State::failed;
  reading_ = false;
  error_ = error;
  handler_->on_error(error);
}

void TlsStream::on_error(StreamError error) {
  hand_out_waiting();
  if (is_live()) return fail(error);
  if (state_ == State::failed) handler_->on_error(error);
}

void TlsStream::close() {
  if (state_ == State::closing) return;
  const bool orderly = is_open() && !session_.is_early() && pending_.empty() && !shut_;
  state_ = State::closing;
  if (orderly) {
    session_.say_end();
    flush();
  }
  below_.close();
}

void TlsStream::reset() {
  if (state_ == State::closing) return;
  // That we end it is no fault of the session, which may be resumed.
  if (is_open()) session_.end_silently();
  state_ = State::closing;
  below_.reset();
}

void TlsStream::on_closed() {
  StreamHandler* handler = handler_;
  delete this;
  handler->on_closed();
}

}  // namespace

TlsFactory::TlsFactory(Loop& loop) : loop_(loop), workspace_(std::make_shared<TlsWorkspace>(loop)) {}
TlsFactory::~TlsFactory() = default;

TlsAccepted TlsFactory::accept(Stream& below, std::shared_ptr<const TlsServerContext> context,
                               StreamHandler& handler) {
  SSL* session = context == nullptr ? nullptr : context->make_session();
  auto* stream = new TlsStream(loop_, workspace_, below, session, std::move(context), handler);
  stream->begin();
  return {*stream, stream->as_handler()};
}

Stream& TlsFactory::connect(Stream& below, std::shared_ptr<TlsClientContext> context, const std::string& name,
                            const std::string& resume_key, StreamHandler& handler) {
  SSL* session = context->make_session(name, resume_key);
  auto* stream = new TlsStream(loop_, workspace_, below, session, std::move(context), handler);
  stream->begin();
  return *stream;
}

}  // namespace perigee::net

#include "edge/net/tls_stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "edge/net/slice_reader.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_facts.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_hot_memory.h"
#include "edge/net/tls_transport.h"
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
  // early: the handler reads and writes, and the handshake is not complete.
  enum class State : uint8_t { handshake, early, open, failed, closing };
  class Later;

  ~TlsStream() {
    *alive_ = nullptr;
    workspace_->row.take(*this);
    SSL_free(session_);
  }

  void expect_read() override { hot_.prefetch(session_, handler_); }
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(StreamError error) override;
  void on_closed() override;
  void on_turn_in_row(std::string_view plain) override;

  void hand_out_waiting();
  void work();
  bool shake_hands();
  bool begin_early(int& result);
  void note_facts();
  bool open_records();
  bool open_record(char* into, size_t most, size_t& part);
  int why_not() const;
  size_t seal(SliceReader& reader);
  bool put(const char* bytes, size_t size);
  void flush();
  void fail(StreamError error);
  void come_back();
  void keep_rest();
  bool is_usable() const { return state_ == State::early || state_ == State::open; }
  bool is_live() const { return state_ == State::handshake || is_usable(); }

  Loop& loop_;
  const std::shared_ptr<TlsWorkspace> workspace_;
  Stream& below_;
  SSL* const session_;
  TlsHotMemory hot_;
  const std::shared_ptr<const void> context_;
  StreamHandler* handler_;
  std::unique_ptr<TlsFacts> facts_;
  // Shared with messages to the loop, which may come after our end. Made when the first is sent.
  std::shared_ptr<TlsStream*> alive_;
  TlsTransport transport_;
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
  std::string opened_;        // plain bytes for which the handler was not ready yet
  bool takes_early_ = false;  // what comes before the handshake is complete is asked for
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
      session_(session),
      context_(std::move(context)),
      handler_(&handler),
      alive_(std::make_shared<TlsStream*>(this)) {
  below_.set_handler(*this);
  below_.announce_reads();
  transport_.output = &workspace_->records;
  BIO* bio = session_ == nullptr ? nullptr : make_tls_transport(workspace_->method, transport_);
  if (bio != nullptr) SSL_set_bio(session_, bio, bio);
  takes_early_ = session_ != nullptr && SSL_is_server(session_) == 1 && SSL_get_max_early_data(session_) > 0;
}

void TlsStream::begin() {
  below_.read_start();
  // A client speaks first; and what is broken already is said from the loop.
  const bool broken = session_ == nullptr || SSL_get_rbio(session_) == nullptr;
  if (broken || SSL_is_server(session_) == 0) loop_.post(std::make_unique<Later>(alive_));
}

void TlsStream::come_back() {
  coming_back_ = false;
  if (state_ == State::closing) return;
  if (state_ == State::failed) return handler_->on_error(error_);
  if (session_ == nullptr || SSL_get_rbio(session_) == nullptr) {
    fail(StreamError::other);
    return;
  }
  work();
}

void TlsStream::read_start() {
  reading_ = true;
  if (!is_live() || ended_) return;
  below_.read_start();
  const bool more = !unopened_.empty() || !opened_.empty() || below_ended_ ||
                    (session_ != nullptr && SSL_has_pending(session_) == 1);
  if (working_ || !more || std::exchange(coming_back_, true)) return;
  loop_.post(std::make_unique<Later>(alive_));
}

void TlsStream::read_stop() {
  reading_ = false;
  // A handshake needs to read whatever its handler wants.
  if (is_usable()) below_.read_stop();
}

// What it has in the row comes before whatever else it hears of.
void TlsStream::hand_out_waiting() {
  const std::string_view plain = workspace_->row.take(*this);
  if (!plain.empty()) on_turn_in_row(plain);
}

void TlsStream::on_turn_in_row(std::string_view plain) {
  if (!is_usable()) return;
  if (reading_) return handler_->on_read(plain);
  opened_.assign(plain);
}

void TlsStream::on_read(std::string_view bytes) {
  hand_out_waiting();
  if (!is_live() || session_ == nullptr) return;
  if (unopened_.empty()) {
    transport_.input = bytes;
    work();
  } else {
    unopened_.append(bytes);
    work();
  }
}

// Everything that the received bytes allow: the handshake, then plain bytes for the handler.
void TlsStream::work() {
  if (!is_live()) return;
  // Moved, so that what is kept in the end may go to the same place.
  std::string before = std::move(unopened_);
  unopened_.clear();
  if (!before.empty()) transport_.input = before;
  working_ = true;
  if (state_ == State::handshake && shake_hands()) handler_->on_connected();
  if (is_usable() && pending_.empty() && std::exchange(want_write_, false)) handler_->on_writable();
  while (is_usable() && reading_ && !ended_ && open_records()) {
  }
  working_ = false;
  if (is_live()) keep_rest();
  transport_.input = {};
  if (is_live() && reading_ && below_ended_ && !ended_) fail(StreamError::connection_reset);
}

void TlsStream::keep_rest() {
  if (transport_.input.empty()) return;
  unopened_.assign(transport_.input);
}

// True when the handshake has just been completed.
bool TlsStream::shake_hands() {
  transport_.starved = false;
  int result = 0;
  const TlsHotMemory::Noting noting(hot_);
  const bool early = takes_early_ && begin_early(result);
  if (!takes_early_) result = SSL_do_handshake(session_);
  const int error = result == 1 ? SSL_ERROR_NONE : why_not();
  flush();
  if (!is_live()) return false;
  if (error == SSL_ERROR_NONE) {
    state_ = early ? State::early : State::open;
    note_facts();
    if (!reading_) below_.read_stop();
    return true;
  }
  if (error != SSL_ERROR_WANT_READ) fail(StreamError::tls_failed);
  return false;
}

// Reads as far as the first early data, or to where there is none and an ordinary handshake goes on. True:
// the session can be used now.
bool TlsStream::begin_early(int& result) {
  size_t size = 0;
  switch (SSL_read_early_data(session_, workspace_->row.room(), TlsRow::open_bytes_max, &size)) {
    case SSL_READ_EARLY_DATA_SUCCESS:
      opened_.assign(workspace_->row.room(), size);
      result = 1;
      return true;
    case SSL_READ_EARLY_DATA_FINISH:
      takes_early_ = false;
      return false;
    default:
      result = -1;
      return false;
  }
}

void TlsStream::note_facts() {
  facts_ = std::make_unique<TlsFacts>(facts_of(session_));
  facts_->early = state_ == State::early;
}

// The next record. Early data comes first, then what is left of the handshake. False: see why_not().
bool TlsStream::open_record(char* into, size_t most, size_t& part) {
  transport_.starved = false;
  if (takes_early_) {
    const int result = SSL_read_early_data(session_, into, most, &part);
    if (result == SSL_READ_EARLY_DATA_SUCCESS) return true;
    takes_early_ = result != SSL_READ_EARLY_DATA_FINISH;
    if (takes_early_) return false;
  }
  if (state_ == State::early) {
    const TlsHotMemory::Noting noting(hot_);
    if (SSL_do_handshake(session_) != 1) return false;
    state_ = State::open;
    facts_->early = false;
  }
  return SSL_read_ex(session_, into, most, &part) == 1;
}

// After something could not be done. That bytes are wanted the transport knows: OpenSSL's queue of errors,
// which is the thread's, need not be empty before every read, if only every failure leaves it so.
int TlsStream::why_not() const {
  if (transport_.starved) return SSL_ERROR_WANT_READ;
  const int error = SSL_get_error(session_, 0);
  forget_tls_errors();
  return error;
}

// Opens as many records as fit and hands them out. False when there is nothing to read for now.
bool TlsStream::open_records() {
  if (!opened_.empty()) {
    const std::string opened = std::exchange(opened_, {});
    handler_->on_read(opened);
    return true;
  }
  char* into = workspace_->row.room();
  size_t size = 0;
  int error = SSL_ERROR_NONE;
  while (size < TlsRow::open_bytes_max) {
    size_t part = 0;
    if (!open_record(into + size, TlsRow::open_bytes_max - size, part)) {
      error = why_not();
      break;
    }
    size += part;
    // Early data is never handed out together with what follows: the handler must be able to tell them apart.
    if (state_ == State::early) break;
    if (transport_.input.empty() && SSL_has_pending(session_) == 0) {
      error = SSL_ERROR_WANT_READ;
      break;
    }
  }
  // Answers to what was read go first: other streams make their records in the same place.
  flush();
  const bool quiet = error == SSL_ERROR_WANT_READ && state_ == State::open;
  // What comes from our own connects is never held back: see UvReads.
  if (size > 0 && quiet && SSL_is_server(session_) == 1 && workspace_->row.add(*this, size)) return false;
  if (size > 0 && is_usable()) handler_->on_read({into, size});
  if (!is_usable() || error == SSL_ERROR_NONE) return true;
  if (error == SSL_ERROR_WANT_READ) return false;
  if (error != SSL_ERROR_ZERO_RETURN) {
    fail(StreamError::tls_failed);
    return false;
  }
  ended_ = true;
  reading_ = false;
  handler_->on_end();
  return false;
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
  while (reader.left() > 0 && pending_.empty() && is_usable()) {
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

// The transport takes everything, so a failure is final and nothing of OpenSSL's errors decides anything
// here.
bool TlsStream::put(const char* bytes, size_t size) {
  size_t taken = 0;
  const int result = state_ == State::early ? SSL_write_early_data(session_, bytes, size, &taken)
                                            : SSL_write_ex(session_, bytes, size, &taken);
  if (result == 1 && taken == size) return true;
  forget_tls_errors();
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
  if (is_usable() && std::exchange(want_write_, false)) handler_->on_writable();
}

void TlsStream::shutdown_write() {
  if (std::exchange(shut_, true)) return;
  // Before a handshake is complete there is no close_notify.
  if (state_ == State::open) {
    SSL_shutdown(session_);
    forget_tls_errors();
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
  if (!unopened_.empty() || !opened_.empty() || (!reading_ && SSL_has_pending(session_) == 1)) return;
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
  const bool orderly = state_ == State::open && pending_.empty() && !shut_;
  state_ = State::closing;
  if (orderly) {
    SSL_shutdown(session_);
    forget_tls_errors();
    flush();
  }
  below_.close();
}

void TlsStream::reset() {
  if (state_ == State::closing) return;
  // That we end it is no fault of the session, which may be resumed.
  if (state_ == State::early || state_ == State::open) SSL_set_shutdown(session_, SSL_SENT_SHUTDOWN);
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

#include "tests/sim/support/sim_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/http/h1.h"
#include "tests/sim/support/body_proof.h"
#include "tests/sim/support/catalogue.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration pause_length = 700ms;

std::string request_text(const Ask& ask) {
  std::string text =
      fmt::format("{} /r{} HTTP/1.1\r\nhost: sim.example\r\nx-sim-request: {}\r\naccept-language: l{}\r\n",
                  ask.method, ask.resource, ask.number, ask.language);
  if (!ask.range.empty()) text += fmt::format("range: {}\r\n", ask.range);
  if (ask.if_range) text += fmt::format("if-range: {}\r\n", entity_tag(*ask.if_range, ask.language));
  if (ask.known) text += fmt::format("if-none-match: {}\r\n", entity_tag(*ask.known, ask.language));
  if (ask.no_cache) text += "cache-control: no-cache\r\n";
  if (ask.is_unsafe()) text += fmt::format("content-length: {}\r\n", ask.content_bytes);
  text += "\r\n";
  if (ask.is_unsafe()) text.append(ask.content_bytes, 'p');
  return text;
}

}  // namespace

// One connection to one node, one request at a time.
class SimConnection final : private net::StreamHandler, private net::TimerHandler {
 public:
  SimConnection(SimClients& owner, net::Address to)
      : owner_(owner), to_(to), stream_(&owner.loop_.connect(to, *this)) {
    stream_->read_start();
  }
  ~SimConnection() = default;

  const net::Address& to() const { return to_; }
  bool idle() const { return !busy_ && connected_ && !closing_; }

  void begin(Ask ask) {
    outcome_ = Outcome();
    outcome_.sent = owner_.world_.now();
    outcome_.reused_connection = connected_;
    http_method_ = http::parse_method(ask.method);
    body_id_ = body_id(ask.resource, ask.language);
    out_ = request_text(ask);
    outcome_.ask = std::move(ask);
    proof_ = BodyProof();
    busy_ = true;
    heard();
    on_writable();
  }

  void close() {
    closing_ = true;
    timer_.cancel();
    pause_timer_.cancel();
    stream_->close();
  }

 private:
  void on_connected() override {
    connected_ = true;
    on_writable();
  }

  void on_writable() override {
    if (out_.empty() || closing_) return;
    const Slice slice = out_;
    out_.erase(0, stream_->write({&slice, 1}));
  }

  void on_read(std::string_view bytes) override {
    if (closing_) return;
    heard();
    in_.append(bytes);
    while (busy_ && !closing_ && step()) {
    }
    if (!closing_ && !busy_ && !in_.empty()) close();
    if (busy_ && !closing_ && outcome_.ask.slow && owner_.random_.chance(0.3)) {
      stream_->read_stop();
      owner_.loop_.timers().arm(pause_timer_, owner_.loop_.now() + pause_length);
    }
  }

  // One message part of what is there; false when there is nothing to do with it.
  bool step() {
    if (in_body_) return step_body();
    if (in_.empty()) return false;
    http::ResponseHead head;
    const http::HeadParse parsed = http::parse_response_head(in_, 0, http::HeadLimits{}, http_method_, head);
    if (parsed.outcome == http::HeadParse::Outcome::refused) {
      finish(End::malformed);
      return false;
    }
    if (parsed.outcome != http::HeadParse::Outcome::complete) return false;
    if (head.status >= 200) begin_body(head);
    in_.erase(0, parsed.consumed);
    return true;
  }

  void begin_body(const http::ResponseHead& head) {
    outcome_.status = head.status;
    outcome_.head_at = owner_.world_.now();
    for (const http::Field& field : head.fields) {
      std::string name(field.name);
      for (char& c : name) c = to_lower(c);
      outcome_.fields.emplace_back(std::move(name), std::string(field.value));
    }
    keep_alive_ = head.keep_alive;
    body_.start(head.framing, head.content_length);
    proof_.begin(outcome_, body_id_);
    in_body_ = true;
  }

  bool step_body() {
    if (body_.done()) {
      proof_.end();
      finish(End::complete);
      return true;
    }
    const http::BodyReader::Step step = body_.feed(in_);
    if (step.refused) {
      finish(End::malformed);
      return false;
    }
    proof_.feed(step.data);
    if (!step.data.empty() && !outcome_.first_byte_at) outcome_.first_byte_at = owner_.world_.now();
    outcome_.body_bytes += step.data.size();
    in_.erase(0, step.consumed);
    const auto& leaves = outcome_.ask.leaves_after;
    if (leaves && outcome_.body_bytes >= *leaves) {
      stream_->reset();
      finish(End::left);
      return false;
    }
    return step.consumed > 0 || body_.done();
  }

  // The outcome goes to the owner; the connection is idle or on its way out.
  void finish(End end) {
    outcome_.end = end;
    outcome_.ended = owner_.world_.now();
    outcome_.body_fault = proof_.fault();
    outcome_.body_digest = proof_.digest();
    busy_ = in_body_ = false;
    timer_.cancel();
    pause_timer_.cancel();
    if (end != End::complete || !keep_alive_ || owner_.random_.chance(0.2)) close();
    owner_.finished(*this, std::move(outcome_));
  }

  void on_end() override {
    if (busy_) {
      if (in_body_ && body_.end_of_stream()) {
        proof_.end();
        finish(End::complete);
      } else {
        finish(in_body_ ? End::cut : End::no_answer);
      }
    }
    close();
  }

  void on_error(net::StreamError) override {
    if (busy_) finish(!connected_ ? End::no_connection : in_body_ ? End::cut : End::no_answer);
    close();
  }

  void on_closed() override { owner_.closed(*this); }

  void heard() { owner_.loop_.timers().arm(timer_, owner_.loop_.now() + SimClients::patience); }

  void on_timer(net::Timer& timer) override {
    if (&timer == &pause_timer_) return stream_->read_start();
    if (busy_) finish(End::gave_up);
    close();
  }

  SimClients& owner_;
  const net::Address to_;
  net::Stream* stream_;
  bool connected_ = false;
  bool closing_ = false;
  bool busy_ = false;
  bool in_body_ = false;
  bool keep_alive_ = false;
  std::string out_;
  std::string in_;
  std::string body_id_;
  http::Method http_method_ = http::Method::get;
  http::BodyReader body_;
  BodyProof proof_;
  Outcome outcome_;
  net::Timer timer_{*this};
  net::Timer pause_timer_{*this};
};

SimClients::SimClients(net::MemoryWorld& world, const std::string& name, const std::string& ip, uint64_t seed,
                       Report report)
    : world_(world),
      io_(world.make_io(name, ip)),
      loop_(io_->add_loop("clients")),
      random_(seed),
      report_(std::move(report)) {
  io_->start();
}

SimClients::~SimClients() { io_->stop(); }

void SimClients::send(Ask ask, const net::Address& to) {
  ++under_way_;
  const bool fresh = random_.chance(0.3);
  for (const auto& connection : connections_) {
    if (!fresh && connection->idle() && connection->to() == to) return connection->begin(std::move(ask));
  }
  connections_.push_back(std::make_unique<SimConnection>(*this, to));
  connections_.back()->begin(std::move(ask));
}

void SimClients::finished(SimConnection&, Outcome outcome) {
  --under_way_;
  report_(std::move(outcome));
}

void SimClients::closed(SimConnection& connection) {
  connections_.remove_if([&](const auto& each) { return each.get() == &connection; });
}

void SimClients::close_idle() {
  for (const auto& connection : connections_) {
    if (connection->idle()) connection->close();
  }
}

size_t SimClients::connections() const { return connections_.size(); }

}  // namespace perigee::sim

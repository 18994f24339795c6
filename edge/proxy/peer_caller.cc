#include "edge/proxy/peer_caller.h"

#include <fmt/format.h>

#include <utility>

#include "edge/cluster/peer_envelope.h"
#include "edge/proxy/connector.h"
#include "edge/proxy/upstream_connection.h"

namespace perigee::proxy {
namespace {

constexpr Duration connect_timeout = std::chrono::seconds(1);
constexpr uint32_t idle_connections_max = 4;

std::string request_head(const PeerCall& call, const PeerProof& proof, int64_t now_s) {
  cluster::PeerRequestEnvelope envelope;
  envelope.digest = call.digest;
  envelope.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(call.timeout);
  envelope.from = call.from;
  envelope.invalidation = call.invalidation;
  const std::string field = cluster::format(envelope);
  const std::string_view method = call.method == http::Method::post ? "POST" : "GET";
  std::string head = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n{}: {}\r\n", method, call.url, call.authority,
                                 cluster::peer_field_name, field);
  if (proof.tls == nullptr) {
    head += fmt::format("{}: {}\r\n", cluster::peer_auth_field_name,
                        proof.keys->sign({method, call.authority, call.url, field}, now_s));
  }
  if (call.method == http::Method::post) head += "content-length: 0\r\n";
  return head + "\r\n";
}

}  // namespace

PeerProof proof_of_node(const Snapshot& snapshot) {
  return {snapshot.peer_tls, snapshot.peer_tls_identity, snapshot.peer_keys};
}

class PeerCaller::Call final : private UpstreamHandler, private ConnectHandler, private net::TimerHandler {
 public:
  Call(PeerCaller& caller, const PeerCall& call, std::string head, std::optional<ConnectTls> tls, Done done)
      : caller_(caller),
        method_(call.method),
        to_{call.to, tls ? tls->resume_key : std::string()},
        head_(std::move(head)),
        tls_(std::move(tls)),
        done_(std::move(done)) {
    caller_.calls_.insert(this);
    caller_.loop_.timers().arm(timer_, caller_.loop_.now() + call.timeout);
  }
  ~Call() {
    caller_.calls_.erase(this);
    if (connection_ != nullptr) connection_->close();
  }

  void start() {
    UpstreamConnection* idle = caller_.pool_.take_idle(to_);
    if (idle != nullptr) return send(*idle);
    ConnectHandler& handler = *this;
    connector_ =
        std::make_unique<Connector>(caller_.loop_, std::vector{to_.address}, connect_timeout, handler, tls_);
  }

 private:
  void on_connect(const ConnectOutcome& outcome) override {
    const auto done = std::move(connector_);
    if (outcome.stream == nullptr) return failed("cannot connect");
    send(caller_.pool_.adopt(to_, *outcome.stream, idle_connections_max));
  }
  void send(UpstreamConnection& connection) {
    connection_ = &connection;
    connection.begin(*this, method_, head_);
    connection.request_complete();
  }
  void on_upstream_interim(const http::ResponseHead&) override {}
  void on_upstream_head(const http::ResponseHead& head) override {
    reply_.status = head.status;
    reply_.peer_field = head.fields.value(http::FieldId::perigee_peer);
  }
  void on_upstream_body(std::string_view bytes) override {
    if (reply_.body.size() + bytes.size() > body_bytes_max) return failed("too long an answer");
    reply_.body += bytes;
  }
  void on_upstream_end() override {
    connection_ = nullptr;
    finish(std::move(reply_));
  }
  void on_upstream_failed(UpstreamFailure failure) override {
    connection_ = nullptr;
    // An idle connection that had just been closed. What is asked may be asked twice.
    if (failure == UpstreamFailure::reused_closed) return start();
    failed(std::string(to_string(failure)));
  }
  void on_upstream_writable() override {}
  void on_timer(net::Timer&) override { failed("no answer in time"); }

  void failed(std::string why) {
    finish(fail(Side::upstream, "peer_unreachable", to_.address.to_string() + ": " + std::move(why)));
  }
  void finish(Result<PeerReply> result) {
    const Done done = std::move(done_);
    delete this;
    done(std::move(result));
  }

  PeerCaller& caller_;
  const http::Method method_;
  const PoolKey to_;
  const std::string head_;
  const std::optional<ConnectTls> tls_;
  Done done_;
  PeerReply reply_;
  std::unique_ptr<Connector> connector_;
  UpstreamConnection* connection_ = nullptr;
  net::Timer timer_{*this};
};

PeerCaller::PeerCaller(net::Loop& loop, MetricShard& metrics)
    : loop_(loop), pool_(loop, metrics, http::HeadLimits()), tls_factory_(loop) {}

PeerCaller::~PeerCaller() {
  while (!calls_.empty()) delete *calls_.begin();
}

// Empty when nodes have no certificates.
std::optional<ConnectTls> PeerCaller::connect_tls(const PeerCall& call, const PeerProof& proof) {
  if (proof.tls == nullptr) return std::nullopt;
  if (tls_context_ == nullptr || tls_identity_ != proof.tls_identity) {
    auto built = net::TlsClientContext::build(*proof.tls);
    tls_context_ = built ? std::move(*built) : nullptr;
    tls_identity_ = proof.tls_identity;
  }
  return ConnectTls{&tls_factory_, tls_context_, call.to_name,
                    "peer " + call.to_name + " " + proof.tls_identity};
}

void PeerCaller::call(const PeerCall& call, const PeerProof& proof, Done done) {
  auto tls = connect_tls(call, proof);
  if (tls && tls->context == nullptr) {
    const std::string why = call.to.to_string() + ": no TLS context from this node's certificate";
    return loop_.post(net::make_task(
        [done = std::move(done), why] { done(fail(Side::internal, "peer_unreachable", why)); }));
  }
  const int64_t now_s = unix_seconds(loop_.wall_now());
  (new Call(*this, call, request_head(call, proof, now_s), std::move(tls), std::move(done)))->start();
}

}  // namespace perigee::proxy

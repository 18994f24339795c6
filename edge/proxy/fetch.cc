#include "edge/proxy/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/proxy/origin_tls.h"
#include "edge/proxy/peer_tls.h"

namespace perigee::proxy {

namespace {

bool speaks_surrogate(const cache::PolicyOptions& options) {
  const auto& targets = options.targets;
  return options.enabled && std::find(targets.begin(), targets.end(), "surrogate-control") != targets.end();
}

}  // namespace

void Fetch::start(Worker& worker, std::shared_ptr<cache::Fill> fill, FetchJob job) {
  auto* fetch = new Fetch(worker, std::move(fill), std::move(job));
  fetch->fill_->set_source(fetch);
  if (fetch->job_.client != nullptr) fetch->job_.client->fetch_ = fetch;
  worker.loop().timers().arm(fetch->deadline_timer_, fetch->job_.deadline);
  fetch->choose_target();
}

Fetch::Fetch(Worker& worker, std::shared_ptr<cache::Fill> fill, FetchJob job)
    : WorkerGuest(worker.guests()), worker_(worker), fill_(std::move(fill)), job_(std::move(job)) {
  request_ = job_.request->copy_to(arena_);
  job_.request = &request_;
  if (job_.validate != nullptr) worker_.reader().pin(*job_.validate);
  if (job_.confirm != nullptr) worker_.reader().pin(*job_.confirm);
  if (job_.resume) etag_ = job_.resume->etag;
}

Fetch::~Fetch() {
  if (job_.client != nullptr) job_.client->fetch_ = nullptr;
  if (job_.validate != nullptr) worker_.reader().unpin(*job_.validate);
  if (job_.confirm != nullptr) worker_.reader().unpin(*job_.confirm);
}

void Fetch::choose_target() {
  step_ = Step::choose_target;
  peer_reported_ = false;
  acquire_slot();
}

// Peers by name: what the topology of another snapshot has at that place may be somebody else.
UpstreamLimit& Fetch::limit_of(const Target& target) {
  const OriginGroup& group = *job_.site->origin;
  if (target.is_origin()) {
    UpstreamLimit& limit = worker_.pool().limit("origin:" + group.name + " " + target.server->address(),
                                                worker_.share(group.connections_max));
    if (group.connections_adapt) limit.adapt(worker_.share(group.connections_min));
    return limit;
  }
  return worker_.pool().limit("peer:" + job_.snapshot->peers[target.node]->name,
                              worker_.share(job_.snapshot->exchange.peer_connections_max));
}

UpstreamTraffic& Fetch::traffic() const {
  const std::string& name = target().is_origin() ? job_.site->origin->name : peer().name;
  return worker_.traffic().upstream(target().tier, name);
}

void Fetch::acquire_slot() {
  step_ = Step::await_slot;
  if (target().is_origin() && !admit_at_origin()) return attempt_failed(UpstreamFailure::circuit_open);
  UpstreamLimit& limit = limit_of(target());
  switch (limit.acquire(*this)) {
    case UpstreamLimit::Grant::granted:
      slot_ = &limit;
      return resolve();
    case UpstreamLimit::Grant::queued:
      queued_at_ = &limit;
      return;
    case UpstreamLimit::Grant::refused:
      return attempt_failed(UpstreamFailure::pool_exhausted);
  }
}

void Fetch::on_slot() {
  slot_ = std::exchange(queued_at_, nullptr);
  resolve();
}

void Fetch::resolve() {
  step_ = Step::resolve;
  if (target().is_origin()) {
    asked_origin_at_ = worker_.loop().now();
    host_ = target().server->host;
    port_ = target().server->port;
  } else {
    const auto address =
        net::Address::parse(job_.snapshot->cluster->topology.nodes[target().node].peer_address);
    if (!address) return attempt_failed(UpstreamFailure::dns_failed);
    return connect({*address});
  }
  if (const auto literal = net::Address::parse_ip(host_, port_)) return connect({*literal});
  resolving_ = worker_.resolver().resolve(host_, port_, *this);
}

void Fetch::on_resolved(Result<net::Resolved> result) {
  const std::unique_ptr<net::ResolveRequest> done = std::move(resolving_);
  if (!result) return attempt_failed(UpstreamFailure::dns_failed);
  connect(std::move(result->addresses));
}

void Fetch::connect(std::vector<net::Address> addresses) {
  step_ = Step::connect;
  std::optional<ConnectTls> tls;
  tls_key_.clear();
  const OriginGroup& group = *job_.site->origin;
  if (target().is_origin() && group.tls != nullptr) {
    tls = origin_tls(worker_.tls_factory(), worker_.tls_client(*group.tls, group.tls_identity), group, host_);
  }
  if (!target().is_origin()) tls = connect_peer_tls(worker_, *job_.snapshot, peer().name);
  if (tls) {
    if (tls->context == nullptr) return attempt_failed(UpstreamFailure::tls_failed);
    tls_key_ = tls->resume_key;
  }
  // A request that must not be sent twice goes on a connection of its own: a reused one may be closing right
  // now.
  if (http::is_idempotent(request_.method) && !http::has_content(request_) && !job_.upgrade) {
    for (const net::Address& address : addresses) {
      UpstreamConnection* idle = worker_.pool().take_idle({address, tls_key_});
      if (idle != nullptr) return send(*idle);
    }
  }
  const ExchangeOptions& options = job_.snapshot->exchange;
  Duration timeout = group.connect_timeout;
  if (target().tier == cluster::Tier::region) timeout = options.peer_connect_timeout;
  if (target().tier == cluster::Tier::shield) timeout = options.peer_connect_timeout_far;
  ConnectHandler& handler = *this;
  connector_ =
      std::make_unique<Connector>(worker_.loop(), std::move(addresses), timeout, handler, std::move(tls));
}

void Fetch::on_connect(const ConnectOutcome& outcome) {
  const std::unique_ptr<Connector> done = std::move(connector_);
  if (outcome.stream != nullptr) {
    const uint32_t idle_max = target().is_origin() ? job_.site->origin->idle_connections_max
                                                   : job_.snapshot->exchange.peer_idle_connections_max;
    return send(worker_.pool().adopt({outcome.address, tls_key_}, *outcome.stream, worker_.share(idle_max)));
  }
  switch (outcome.error) {
    case net::StreamError::timed_out:
      return attempt_failed(UpstreamFailure::connect_timeout);
    case net::StreamError::connection_refused:
      return attempt_failed(UpstreamFailure::connect_refused);
    case net::StreamError::tls_failed:
      return attempt_failed(UpstreamFailure::tls_failed);
    default:
      return attempt_failed(UpstreamFailure::connect_failed);
  }
}

void Fetch::send(UpstreamConnection& connection) {
  step_ = Step::await_head;
  connection_ = &connection;
  const bool origin = target().is_origin();
  worker_.metrics().add(origin ? Metric::upstream_requests_origin : Metric::upstream_requests_peer);
  request_time_ = worker_.loop().wall_now();
  sent_at_ = worker_.loop().now();
  sent_to_ = &traffic();
  sent_to_->sent();
  // What is continued was begun under the stamp it has.
  if (!published_) {
    purge_stamp_ = worker_.purges().table().position();
    fill_->sent(purge_stamp_);
  }
  if (origin && !std::exchange(counted_, true)) {
    worker_.retry_budget(job_.site->origin->name).on_request(worker_.loop().now());
  }
  await_first_byte();
  await_peer();
  if (target().joining) worker_.metrics().add(Metric::joining_asked);
  const bool has_content = http::has_content(request_);
  // While content is under way its sender and its receiver set the pace, not the time for an answer.
  if (has_content) {
    deadline_timer_.cancel();
    phase_timer_.cancel();
  }
  connection.begin(*this, request_.method, request_head(target()));
  if (!has_content) connection.request_complete();
  if (has_content && !connection.blocked() && job_.client != nullptr) {
    content_asked_ = true;
    job_.client->on_fetch_wants_content();
  }
}

void Fetch::await_first_byte() {
  const bool origin = target().is_origin();
  const ExchangeOptions& options = job_.snapshot->exchange;
  Duration wait = origin ? job_.site->origin->first_byte_timeout : options.peer_answer_timeout;
  if (target().only_if_cached) wait = std::min(wait, options.peer_stored_timeout);
  worker_.loop().timers().arm(phase_timer_, worker_.loop().now() + wait);
}

void Fetch::send_content(std::string_view bytes) {
  if (connection_ == nullptr || step_ == Step::done) return;
  if (request_.framing == http::Framing::chunked) {
    char prefix[20];
    connection_->send({prefix, http::write_chunk_prefix(bytes.size(), prefix)});
    connection_->send(bytes);
    connection_->send("\r\n");
  } else {
    connection_->send(bytes);
  }
  if (connection_->blocked() && job_.client != nullptr) job_.client->on_fetch_content_full();
}

void Fetch::end_content() {
  if (connection_ == nullptr || step_ == Step::done) return;
  if (request_.framing == http::Framing::chunked) connection_->send("0\r\n\r\n");
  connection_->request_complete();
  if (step_ != Step::await_head) return;
  job_.deadline = worker_.loop().now() + job_.snapshot->exchange.head_deadline;
  worker_.loop().timers().arm(deadline_timer_, job_.deadline);
  await_first_byte();
}

void Fetch::on_upstream_writable() {
  if (content_asked_ || http::has_content(request_)) {
    content_asked_ = true;
    if (job_.client != nullptr) job_.client->on_fetch_wants_content();
  }
}

Duration Fetch::idle_body_timeout() const {
  return target().is_origin() ? job_.site->origin->idle_body_timeout
                              : job_.snapshot->exchange.peer_idle_body_timeout;
}

void Fetch::detach_client() {
  std::exchange(job_.client, nullptr)->fetch_ = nullptr;
  const bool sending = http::has_content(request_) && !published_;
  if (sending || job_.upgrade)
    give_up({Side::client, "client_gone", "the client left before its request was complete"});
}

void Fetch::pause() {
  paused_ = true;
  if (connection_ == nullptr) return;
  phase_timer_.cancel();
  connection_->pause();
}

void Fetch::resume() {
  paused_ = false;
  if (connection_ == nullptr) return;
  worker_.loop().timers().arm(phase_timer_, worker_.loop().now() + idle_body_timeout());
  connection_->resume();
}

// The loop is over; the fill must not think that anybody feeds it.
void Fetch::end_now() {
  const std::shared_ptr<cache::Fill> fill = fill_;
  fill->set_source(nullptr);
  end();
  fill->failed({Side::internal, "shutdown", "the node is stopping"});
}

void Fetch::cancel() { end(); }

void Fetch::on_timer(net::Timer& timer) {
  if (&timer == &deadline_timer_)
    return give_up({Side::upstream, "http_response_timeout", "no response before the deadline"});
  if (&timer == &hedge_timer_) return hedge();
  if (step_ == Step::body) return attempt_failed(UpstreamFailure::body_timeout);
  attempt_failed(UpstreamFailure::first_byte_timeout);
}

void Fetch::attempt_failed(UpstreamFailure failure) {
  const bool origin = target().is_origin();
  // Who was asked for what it has stored, and has not, has answered.
  const bool has_not = target().only_if_cached && failure == UpstreamFailure::declined;
  if (origin) origin_failed(failure);
  if (!has_not && failure != UpstreamFailure::circuit_open)
    worker_.metrics().add(origin ? Metric::upstream_failures_origin : Metric::upstream_failures_peer);
  if (!has_not) traffic().failed(failure);
  const bool never_connected =
      failure == UpstreamFailure::connect_refused || failure == UpstreamFailure::connect_timeout ||
      failure == UpstreamFailure::connect_failed || failure == UpstreamFailure::tls_failed;
  // Nor does who was only asked for what it has stored have to answer in that time. And content that stops
  // coming from a peer has mostly stopped before it: a peer that hangs is found by its 102s and by probes.
  const bool innocent = failure == UpstreamFailure::reused_closed ||
                        failure == UpstreamFailure::pool_exhausted || failure == UpstreamFailure::declined ||
                        failure == UpstreamFailure::body_timeout ||
                        (target().only_if_cached && failure == UpstreamFailure::first_byte_timeout);
  // A connection that had just been closed says nothing of how fast the peer is.
  if (failure == UpstreamFailure::reused_closed) stop_waiting();
  peer_heard();
  if (!innocent) {
    report_peer(never_connected ? cluster::PeerOutcome::connect_failure : cluster::PeerOutcome::failure);
  }
  const bool again = may_try_again(failure);
  release_upstream();
  if (!again) {
    return give_up({Side::upstream, to_string(failure),
                    fmt::format("{} of {} toward {}", to_string(failure), request_.method_text, host_)});
  }
  if (failure != UpstreamFailure::reused_closed) ++target_;
  if (published_) {
    // At the next owner, where what all nodes ask for now is one fetch again; at the origin when no peer goes
    // on. A hedge that broke off stands before its own node.
    while (target_ > 0 && target().node == job_.plan.targets[target_ - 1].node && !target().is_origin())
      ++target_;
    job_.resume = ResumePoint{received_, etag_};
    job_.deadline = worker_.loop().now() + job_.snapshot->exchange.head_deadline;
    worker_.loop().timers().arm(deadline_timer_, job_.deadline);
  }
  choose_target();
}

// RFC 9110 9.2.2: only what is idempotent is sent again, or what surely never arrived.
bool Fetch::may_try_again(UpstreamFailure failure) {
  if (content_asked_ || job_.upgrade) return false;
  // Safe whatever was asked, and paid for like any other: an origin may fail on kept connections, too.
  if (failure == UpstreamFailure::reused_closed) {
    if (target().is_origin()) return pays_for_retry();
    worker_.metrics().add(Metric::upstream_retries);
    return true;
  }
  if (target_ + 1 >= job_.plan.targets.size()) return false;
  // Who reads a run asks for the rest of it as for any other.
  if (published_ && job_.range) return false;
  if (published_ && (etag_.empty() || request_.method != http::Method::get)) return false;
  if (!target().is_origin()) {
    if (!target().only_if_cached) worker_.metrics().add(Metric::peer_fallbacks);
    return true;
  }
  // Nothing was sent, so nothing is sent again.
  if (failure == UpstreamFailure::circuit_open) return skip_server();
  const bool never_sent =
      failure == UpstreamFailure::connect_refused || failure == UpstreamFailure::dns_failed ||
      failure == UpstreamFailure::connect_timeout || failure == UpstreamFailure::connect_failed ||
      failure == UpstreamFailure::tls_failed;
  if (!never_sent && !http::is_idempotent(request_.method)) return false;
  if (retries_ >= job_.snapshot->exchange.retries_max) return false;
  if (!pays_for_retry()) return false;
  ++retries_;
  return true;
}

bool Fetch::pays_for_retry() {
  if (!worker_.retry_budget(job_.site->origin->name).try_retry(worker_.loop().now())) {
    worker_.metrics().add(Metric::retry_budget_exhausted);
    return false;
  }
  worker_.metrics().add(Metric::upstream_retries);
  return true;
}

void Fetch::release_upstream() {
  attempt_ = OriginAttempt();
  phase_timer_.cancel();
  hedge_timer_.cancel();
  hedge_.reset();
  stop_waiting();
  resolving_.reset();
  connector_.reset();
  if (UpstreamConnection* connection = std::exchange(connection_, nullptr))
    target().is_origin() ? connection->take_back() : connection->close();
  if (UpstreamLimit* queued = std::exchange(queued_at_, nullptr)) queued->cancel(*this);
  if (UpstreamLimit* slot = std::exchange(slot_, nullptr)) slot->release();
}

void Fetch::give_up(Error error) {
  const std::shared_ptr<cache::Fill> fill = fill_;
  worker_.metrics().add(Metric::fills_failed);
  fill->set_source(nullptr);
  end();
  fill->failed(std::move(error));
}

void Fetch::end() {
  step_ = Step::done;
  release_upstream();
  delete this;
}

std::string Fetch::request_head(const Target& to) {
  const cache::KeyParts parts = cache::key_parts(job_.key);
  UpstreamRequest out;
  out.request = &request_;
  out.scheme = parts.scheme;
  out.authority = parts.authority;
  out.path = parts.path;
  out.whole_representation = job_.whole_representation;
  if (job_.whole_representation || job_.resume || job_.confirm != nullptr)
    out.accept_encoding = cache::accept_encoding_class(request_.fields);
  if (job_.resume) out.resume = &*job_.resume;
  if (job_.range && !job_.resume) out.range = &*job_.range;
  if (job_.validate != nullptr && !job_.resume) {
    http::FieldLines lines(job_.validate->head().substr(job_.validate->head().find("\r\n") + 2));
    for (std::string_view name, value; lines.next(name, value);) {
      if (name == "etag") out.if_none_match = value;
      if (name == "last-modified") out.if_modified_since = value;
    }
  }
  out.via_name = job_.snapshot->node_name;
  out.cdn_id = job_.snapshot->cdn_id;
  out.client_ip = job_.client_ip;
  out.client_scheme = job_.client_scheme;
  out.add_forwarded_fields = job_.site->forward_client_address && !job_.from_peer;
  out.upgrade = job_.upgrade;
  out.client_certificate = job_.client_proof.certificate;
  out.client_chain = job_.client_proof.chain;
  out.early_data = job_.client_proof.early;
  out.from_peer = job_.from_peer;
  std::string envelope;
  std::string auth;
  if (!to.is_origin()) {
    out.to_peer = true;
    envelope = this->envelope(to);
    const std::string url = fmt::format("{}://{}{}", parts.scheme, parts.authority, parts.path);
    if (job_.snapshot->peer_tls == nullptr) {
      auth = job_.snapshot->peer_keys->sign({request_.method_text, parts.authority, url, envelope},
                                            unix_seconds(request_time_));
    }
    out.peer_envelope = envelope;
    out.peer_auth = auth;
  } else {
    out.host_header = job_.site->origin->host_header;
    if (speaks_surrogate(*job_.policy_options)) out.surrogate_device = job_.policy_options->surrogate_device;
  }
  std::string head;
  head.reserve(1024);
  write_upstream_request(out, head);
  return head;
}

}  // namespace perigee::proxy

#include "edge/proxy/edge_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/http/date.h"
#include "edge/http/h1.h"
#include "edge/proxy/answer_lines.h"
#include "edge/proxy/background_validation.h"
#include "edge/proxy/describe_request.h"
#include "edge/proxy/error_answer.h"
#include "edge/proxy/exchange.h"
#include "edge/proxy/max_forwards.h"
#include "edge/proxy/stored_answer.h"
#include "edge/proxy/stored_stream.h"
#include "edge/proxy/upstream_request.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

namespace {

using Action = cache::Decision::Action;

constexpr std::string_view allow_line = "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

// What RFC 9209 2.3 calls a refusal; only-if-cached and the authentication of peers are no errors of its
// kind.
std::string_view refusal_error(int status) {
  if (status == 508) return "proxy_loop_detected";
  return status == 403 || status == 425 || status == 504 ? "" : "http_request_error";
}

// The handshake has verified the certificate; it must name a node of the topology, and the one that the
// request says it is from.
bool shows_peer_certificate(serve::ServerExchange& exchange, const Snapshot& snapshot,
                            const Result<cluster::PeerRequestEnvelope>& envelope) {
  const net::TlsFacts* facts = exchange.tls();
  if (facts == nullptr || !envelope) return false;
  return snapshot.cluster->topology.find_node(envelope->from).has_value() &&
         std::find(facts->peer_names.begin(), facts->peer_names.end(), envelope->from) !=
             facts->peer_names.end();
}

bool is_signed_by_peer(serve::ServerExchange& exchange, const Snapshot& snapshot, std::string_view field) {
  if (snapshot.peer_keys == nullptr) return false;
  const http::RequestHead& request = exchange.request();
  const std::string_view auth = request.fields.value(http::FieldId::perigee_peer_auth);
  const std::string url = fmt::format("{}://{}{}", request.scheme, request.authority, request.path);
  const int64_t now_s = unix_seconds(exchange.loop().wall_now());
  return snapshot.peer_keys->verify(auth, {request.method_text, request.authority, url, field}, now_s)
      .has_value();
}

}  // namespace

void EdgeHandler::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  RequestContext context;
  if (!admit(exchange, request, context)) return;
  look_up(request, context);
  switch (context.decision.action) {
    case Action::serve:
      return serve_stored(exchange, request, context);
    case Action::serve_stale_while_revalidate:
      if (!context.only_if_cached) BackgroundValidation::start(worker_, exchange, context);
      return serve_stored(exchange, request, context);
    case Action::gateway_timeout:
      return refuse(exchange, 504, "only-if-cached");
    case Action::validate:
    case Action::forward:
      if (context.only_if_cached) return refuse(exchange, 504, "only-if-cached");
      return Exchange::start(worker_, exchange, context);
  }
}

// RFC 9110 9.3.7, 7.6.2: what this node can do, told by itself because the request may not go further.
void EdgeHandler::answer_options(serve::ServerExchange& exchange) {
  std::string lines;
  http::HeadWriter head(lines);
  head.status_line(200, "");
  char date[http::date_bytes];
  head.field("date", http::format_date(unix_seconds(exchange.loop().wall_now()), date));
  lines += allow_line;
  append_via(worker_.snapshot().node_name, lines);
  serve::reply_owned(exchange, 200, 0, std::move(lines), {});
  log_own_answer(exchange, worker_.snapshot().sites->find(host_of(exchange.request().authority)), "none", 200,
                 "max-forwards");
}

// Everything that can be said before the store is asked. False: answered.
bool EdgeHandler::admit(serve::ServerExchange& exchange, const http::RequestHead& request,
                        RequestContext& context) {
  const Snapshot& snapshot = worker_.snapshot();
  context.head_deadline = snapshot.exchange.head_deadline;
  if (listener_ == Listener::peer) {
    if (!admit_peer(exchange, context)) return false;
    if (request.authority == control_authority && request.path == probe_path) {
      answer_peer(exchange);
      return false;
    }
    if (request.authority == control_authority) {
      worker_.control().on_control_request(exchange);
      return false;
    }
    if (context.invalidation && take_invalidation(exchange, context)) return false;
    worker_.metrics().add(Metric::peer_requests);
  } else {
    worker_.metrics().add(Metric::requests);
    if (names_cdn(request.fields, snapshot.cdn_id)) {
      worker_.metrics().add(Metric::loops_detected);
      refuse(exchange, 508, "cdn-loop");
      return false;
    }
  }
  if (request.method == http::Method::connect || request.method == http::Method::trace) {
    refuse(exchange, 405, "method", allow_line);
    return false;
  }
  if (!choose_site(*snapshot.sites, request.authority, context)) {
    refuse(exchange, 421, "no-such-site");
    return false;
  }
  if (!context.from_peer && !admit_client(exchange, context)) return false;
  if (request.method == http::Method::options && max_forwards(request) == 0) {
    answer_options(exchange);
    return false;
  }
  const bool says_scheme = context.from_peer && !request.scheme.empty();
  const std::string_view scheme = says_scheme ? request.scheme : exchange.scheme();
  const std::string_view path = request.path == "*" ? "/" : request.path;
  std::string& key = worker_.key_scratch();
  if (!cache::build_key(scheme, request.authority, path, key)) {
    refuse(exchange, 400, "bad-target");
    return false;
  }
  if (request.framing == http::Framing::length &&
      request.content_length > context.site->request_body_bytes_max) {
    refuse(exchange, 413, "content-too-large");
    return false;
  }
  context.key = {key, cache::key_hash(key)};
  if (!context.from_peer) worker_.note_request(context.key);
  choose_rule(context);
  return true;
}

bool EdgeHandler::admit_peer(serve::ServerExchange& exchange, RequestContext& context) {
  const http::RequestHead& request = exchange.request();
  const Snapshot& snapshot = worker_.snapshot();
  const std::string_view field = request.fields.value(http::FieldId::perigee_peer);
  auto envelope = cluster::parse_peer_request(field);
  const bool authentic = snapshot.peer_tls != nullptr ? shows_peer_certificate(exchange, snapshot, envelope)
                                                      : is_signed_by_peer(exchange, snapshot, field);
  const bool reads = request.method == http::Method::get || request.method == http::Method::head;
  const bool tells = request.method == http::Method::post && envelope &&
                     (request.authority == control_authority || envelope->invalidation);
  if (!authentic || !envelope || !(reads || tells)) {
    worker_.metrics().add(Metric::peer_rejected);
    worker_.log().warning("peer_rejected", {{"client", std::string_view(exchange.client_address().ip())},
                                            {"authentic", authentic}});
    refuse(exchange, 403, "peer-authentication");
    return false;
  }
  if (!cluster::hop_allowed(envelope->hop)) {
    worker_.metrics().add(Metric::loops_detected);
    refuse(exchange, 508, "hop-limit");
    return false;
  }
  context.from_peer = true;
  context.asker = std::move(envelope->from);
  context.hop = envelope->hop;
  context.tier = envelope->tier;
  context.digest_agrees = envelope->digest == snapshot.cluster->digest;
  context.only_if_cached = envelope->only_if_cached;
  context.invalidation = envelope->invalidation;
  context.head_deadline = std::min<Duration>(context.head_deadline, envelope->deadline);
  return true;
}

// What a peer has invalidated is forgotten before anything else is done for it. True: that was the request.
bool EdgeHandler::take_invalidation(serve::ServerExchange& exchange, const RequestContext& context) {
  const http::RequestHead& request = exchange.request();
  std::string& key = worker_.key_scratch();
  const bool built = cache::build_key(request.scheme, request.authority, request.path, key);
  if (built && PeerInvalidator::forget(worker_, key, *context.invalidation))
    worker_.metrics().add(Metric::invalidations_received);
  if (request.method != http::Method::post) return false;
  answer_peer(exchange);
  return true;
}

// Nothing but what this node says of itself.
void EdgeHandler::answer_peer(serve::ServerExchange& exchange) {
  std::string lines = "HTTP/1.1 204 No Content\r\n";
  append_peer_line(worker_.snapshot().peer_answer_line, worker_.peer_requests_waiting(), std::nullopt,
                   std::nullopt, lines);
  serve::reply_owned(exchange, 204, serve::ReplyHead::unknown_length, std::move(lines), {});
}

// RFC 9110 7.4: a client that was shown one site's certificate may ask for that site's hosts only.
bool EdgeHandler::misdirected(const net::TlsFacts& facts, const http::RequestHead& request,
                              const RequestContext& context) const {
  const std::string_view name = facts.server_name;
  if (name.empty() || equal_ignoring_case(name, host_of(request.authority))) return false;
  return worker_.snapshot().sites->find(name) != context.site;
}

// What the client's connection must have proven for this site and this request.
bool EdgeHandler::admit_client(serve::ServerExchange& exchange, RequestContext& context) {
  const net::TlsFacts* facts = exchange.tls();
  const http::RequestHead& request = exchange.request();
  // RFC 9110 7.4: what is asked for as https must have come over TLS. The other way round it is no better:
  // the answer would be that of another resource.
  if (!request.scheme.empty() && !equal_ignoring_case(request.scheme, exchange.scheme())) {
    refuse(exchange, 421, "scheme");
    return false;
  }
  if (facts != nullptr && misdirected(*facts, request, context)) {
    refuse(exchange, 421, "misdirected");
    return false;
  }
  // RFC 8470 5.2: what may do harm when it comes twice waits for the handshake; the client asks again.
  if (facts != nullptr && facts->early && (!http::is_safe(request.method) || http::has_content(request))) {
    refuse(exchange, 425, "too-early");
    return false;
  }
  if (context.site->client_certificates == ClientCertificates::off) return true;
  if (facts == nullptr) {
    if (context.site->client_certificates == ClientCertificates::optional) return true;
    refuse(exchange, 403, "client-certificate");
    return false;
  }
  // HTTP/2 has no renegotiation (RFC 9113 9.2.1): who was not asked on this connection is sent to another
  // one.
  if (facts->server_name.empty() && worker_.snapshot().sites->find("") != context.site) {
    refuse(exchange, 421, "misdirected");
    return false;
  }
  context.shows_certificate = !facts->client_certificate.empty();
  if (context.shows_certificate || context.site->client_certificates == ClientCertificates::optional)
    return true;
  // The site asks since a reload, and this connection is older.
  refuse(exchange, 421, "client-certificate");
  return false;
}

void EdgeHandler::look_up(const http::RequestHead& request, RequestContext& context) {
  cache::Lookup found;
  worker_.purges().believe_at(worker_.loop().now());
  if (asks_store(request, context)) found = worker_.reader().lookup(context.key, request.fields);
  decide_on(request, found, worker_.loop().wall_now(), worker_.random(), context);
}

// What this node adds to a stored head.
std::string_view EdgeHandler::lines_of(const RequestContext& context, int64_t age, int64_t ttl) {
  if (!context.site->tells_key && !context.from_peer) return worker_.hit_lines().of(age, ttl);
  const Snapshot& snapshot = worker_.snapshot();
  AnswerOrigin origin;
  origin.hit = true;
  origin.has_ttl = true;
  origin.ttl = ttl;
  if (context.site->tells_key) origin.key = context.key.bytes;
  std::string& lines = worker_.line_scratch();
  lines.clear();
  append_age(age, lines);
  append_via(snapshot.node_name, lines);
  append_cache_status(snapshot.node_name, origin, lines);
  if (context.from_peer) {
    append_peer_line(snapshot.peer_answer_line, worker_.peer_requests_waiting(), worker_.purges().position(),
                     worker_.purges().place_of(context.stored->purge_stamp()), lines);
  }
  return lines;
}

// RFC 9111 4: reuse. The head goes out as it is stored; only what changes is written.
void EdgeHandler::serve_stored(serve::ServerExchange& exchange, const http::RequestHead& request,
                               const RequestContext& context) {
  const cache::StoredResponse& stored = *context.stored;
  const WallTime now = worker_.loop().wall_now();
  const cache::ResponseMeta meta = stored.meta();
  const int64_t age = meta.current_age(now);
  const int64_t ttl = meta.freshness_lifetime - age;
  const std::string_view lines = lines_of(context, age, ttl);
  const uint64_t length = stored.body_length();
  StoredPlan plan =
      plan_stored(request, static_cast<int>(meta.status), stored.head(), length, now, worker_.random());
  plan.for_peer = context.from_peer;
  const bool head_only = request.method == http::Method::head;
  serve::ReplyHead head;
  if (!reply_stored(exchange, worker_.reader(), stored, head_only, plan, lines, worker_.head_scratch(),
                    head)) {
    auto* stream = new StoredStream(stored.large_body(), parts_of(plan, stored.head(), length));
    stream->own(exchange);
    if (plan.status == static_cast<int>(meta.status)) {
      exchange.reply_held(head, hold_of(worker_.reader(), stored), *stream);
    } else {
      exchange.reply(head, *stream);
    }
  }
  const bool sends_body = !head_only && plan.sends_bytes(static_cast<int>(meta.status));
  const uint64_t body_bytes = sends_body ? plan.length : 0;
  if (meta.is(cache::ResponseMeta::hot_copy) && !context.from_peer) worker_.count_request(context.key.hash);
  const bool fresh = context.decision.action == Action::serve && ttl >= 0;
  worker_.metrics().add(fresh ? Metric::requests_hit : Metric::requests_stale);
  worker_.metrics().add(Metric::hit_bytes_sent, body_bytes);
  if (!context.from_peer) {
    SiteTraffic& traffic = worker_.traffic_of(*context.site);
    traffic.count(fresh ? AnswerKind::hit : AnswerKind::stale, plan.status, body_bytes);
    traffic.answer_time().record_at_once();
  }
  if (worker_.exchange_log().wants(worker_.random(), context.site->access_sample))
    log_hit(exchange, context, plan.status, body_bytes);
}

void EdgeHandler::refuse(serve::ServerExchange& exchange, int status, std::string_view detail,
                         std::string_view more_lines) {
  AnswerOrigin origin;
  origin.detail = detail;
  std::string lines(more_lines);
  append_cache_status(worker_.snapshot().node_name, origin, lines);
  if (listener_ == Listener::peer) {
    lines += worker_.snapshot().peer_answer_line;
    if (status != 504) lines += fmt::format("{}: {}\r\n", peer_refusal_field, detail);
  }
  ErrorAnswer answer;
  answer.status = status;
  answer.head_only = exchange.request().method == http::Method::head;
  answer.node_name = worker_.snapshot().node_name;
  answer.error = refusal_error(status);
  answer.more_lines = lines;
  answer_error(exchange, answer);
  const Site* site = worker_.snapshot().sites->find(host_of(exchange.request().authority));
  count_refusal(status, site);
  log_own_answer(exchange, site, "refused", status, detail);
}

// Of what is answered before the store is asked.
void EdgeHandler::log_own_answer(serve::ServerExchange& exchange, const Site* site, std::string_view cache,
                                 int status, std::string_view detail) {
  const auto share = site != nullptr ? site->access_sample : std::nullopt;
  if (!worker_.exchange_log().wants(worker_.random(), share)) return;
  const http::RequestHead& request = exchange.request();
  ExchangeRecord record;
  record.received = worker_.loop().wall_now();
  record.client = exchange.client_address();
  record.scheme = exchange.scheme();
  record.method = request.method_text;
  record.host = request.authority;
  record.path = request.path;
  if (site != nullptr) record.site = site->name;
  record.status = status;
  record.cache = cache;
  record.detail = detail;
  describe_request(request.fields, record);
  worker_.exchange_log().record(record);
}

// The connection has answered in our place.
void EdgeHandler::on_refused(const serve::RefusedRequest& request) {
  count_refusal(request.status, nullptr);
  if (!worker_.exchange_log().wants(worker_.random(), std::nullopt)) return;
  ExchangeRecord record;
  record.received = worker_.loop().wall_now();
  record.client = request.client;
  record.method = request.method;
  record.host = request.authority;
  record.path = request.target;
  record.status = request.status;
  record.cache = "refused";
  record.detail = request.reason;
  worker_.exchange_log().record(record);
}

void EdgeHandler::count_refusal(int status, const Site* site) {
  worker_.traffic().refused(status);
  if (site != nullptr && listener_ == Listener::client)
    worker_.traffic_of(*site).count(AnswerKind::refused, status, 0);
}

void EdgeHandler::log_hit(serve::ServerExchange& exchange, const RequestContext& context, int status,
                          uint64_t body_bytes) {
  const cache::KeyParts parts = cache::key_parts(context.key.bytes);
  ExchangeRecord record;
  record.received = worker_.loop().wall_now();
  record.client = exchange.client_address();
  record.method = exchange.request().method_text;
  record.host = parts.authority;
  record.path = parts.path;
  record.site = context.site->name;
  record.scheme = exchange.scheme();
  describe_request(exchange.request().fields, record);
  record.status = status;
  record.body_bytes = body_bytes;
  record.cache = context.decision.action == Action::serve ? "hit" : "stale";
  worker_.exchange_log().record(record);
}

}  // namespace perigee::proxy

#include "edge/proxy/exchange.h"

#include <fmt/format.h>

#include <utility>

#include "edge/proxy/error_answer.h"
#include "edge/proxy/route_plan.h"
#include "edge/proxy/tunnel.h"

namespace perigee::proxy {

namespace {

// A variant's fill has an identity of its own: the key, and what the request selects.
std::string variant_fill_key(const std::string& key, const std::string& selecting) {
  std::string fill_key = key;
  fill_key.push_back('\0');
  fill_key += selecting;
  return fill_key;
}

constexpr uint8_t variant_joins_max = 2;

}  // namespace

void Exchange::start(Worker& worker, serve::ServerExchange& client, const RequestContext& context) {
  (new Exchange(worker, client, context))->begin();
}

Exchange::Exchange(Worker& worker, serve::ServerExchange& client, const RequestContext& context)
    : worker_(worker),
      traffic_(worker.traffic_of(*context.site)),
      client_(client),
      snapshot_(worker.snapshot_ref()),
      context_(context),
      request_(client.request().copy_to(arena_)),
      key_(context.key.bytes),
      client_address_(client.client_address()),
      scheme_(client.scheme()),
      proof_(context.from_peer
                 ? ClientProof{}
                 : proof_of(client.tls(), context.site->client_certificates != ClientCertificates::off)),
      started_(worker.loop().now()),
      received_(worker.loop().wall_now()),
      deadline_(started_ + context.head_deadline) {
  context_.key.bytes = key_;
  if (context_.stored != nullptr) worker_.reader().pin(*context_.stored);
  origin_.has_reason = true;
  origin_.reason = context_.decision.reason;
  client.set_handler(*this);
}

Exchange::~Exchange() {
  leave_fill();
  keep_peer_waiting(false);
  if (round_ != nullptr) round_->waiter = nullptr;
  if (fetch() != nullptr) fetch()->detach_client();
  if (context_.stored != nullptr) worker_.reader().unpin(*context_.stored);
}

void Exchange::begin() {
  if (context_.from_peer) {
    keep_peer_waiting(true);
    worker_.loop().timers().arm(interim_timer_, worker_.loop().now() + snapshot().exchange.interim_after);
  }
  if (!context_.from_peer && request_.method == http::Method::get)
    heat_ = worker_.count_request(context_.key.hash);
  if (answers_in_runs()) return begin_runs();
  if (may_collapse()) return join_fill(key_);
  if (context_.hit_for_miss) worker_.metrics().add(Metric::hit_for_miss);
  go_alone(may_keep());
}

// Of a fetch for this request alone: may its answer be stored, if the answer itself allows it?
bool Exchange::may_keep() const {
  if (!context_.options->enabled || context_.policy.no_store) return false;
  if (request_.method == http::Method::post) return true;
  return request_.method == http::Method::get && context_.policy.cacheable_method &&
         !context_.policy.has_range && !context_.policy.has_origin_condition;
}

void Exchange::keep_peer_waiting(bool waits) {
  if (std::exchange(peer_waits_, waits) == waits) return;
  if (waits) worker_.peer_waiting().fetch_add(1, std::memory_order_relaxed);
  if (!waits) worker_.peer_waiting().fetch_sub(1, std::memory_order_relaxed);
}

// What is asked before the handshake is complete may be answered with 425: an answer to one client alone.
bool Exchange::is_early() const { return proof_.early || request_.fields.has(http::FieldId::early_data); }

// Who asks for the end-to-end truth (no-cache), a part, or what is known not to be shared does not wait for
// others.
bool Exchange::may_collapse() const {
  if (request_.method != http::Method::get || !context_.policy.cacheable_method) return false;
  if (!context_.options->enabled || context_.hit_for_miss || request_.upgrade) return false;
  if (context_.policy.no_store || context_.policy.no_cache || context_.policy.has_range) return false;
  if (context_.policy.has_origin_condition || http::has_content(request_)) return false;
  if (is_early()) return false;
  return context_.decision.reason != cache::ForwardReason::bypass;
}

// A fill of ours may wait for the very node that asks, when that one sees another membership and takes us for
// the owner while we take it for that. Who is asked by such nodes waits with others of them alone: what they
// ask for goes to the origin from here (plan_route), and so to nobody who waits. A fill whose head is there
// waits for nobody any more.
std::string Exchange::name_apart(const std::string& fill_key) const {
  if (!context_.from_peer || context_.digest_agrees || is_apart(fill_key)) return fill_key;
  const std::shared_ptr<cache::Fill> fill = worker_.fills().find({fill_key, cache::key_hash(fill_key)});
  if (fill != nullptr && fill->head() != nullptr) return fill_key;
  return apart_fill_key(fill_key);
}

void Exchange::join_fill(const std::string& asked_fill_key) {
  const std::string fill_key = name_apart(asked_fill_key);
  const cache::KeyView view{fill_key, cache::key_hash(fill_key)};
  const MonoTime now = worker_.loop().now();
  cache::FillTable::Joined joined = worker_.fills().join(view, worker_.worker_fills(), *this, now);
  if (joined.fill == nullptr) return go_alone(false);
  fill_ = std::move(joined.fill);
  leader_ = joined.leader;
  if (leader_) {
    fill_->set_store_key(context_.key);
    if (stored_meanwhile()) return fill_->freshened(std::nullopt);
    worker_.metrics().add(Metric::fills_started);
    return start_fetch(false);
  }
  if (now - fill_->started() > snapshot().exchange.fill_age_max) return go_alone(false);
  const std::optional<cache::PurgeStamp> sent = fill_->purge_stamp();
  if (fill_->invalidated(context_.key.hash)) return join_again();
  if (sent && worker_.purges().table().judge(*sent, key_, {}) != cache::PurgeVerdict::kept) {
    return join_again();
  }
  collapsed_ = true;
  worker_.metrics().add(Metric::fills_collapsed);
  limit_wait();
}

// What was renewed is not what our request selects, which nobody has asked about yet. Those for whom it is
// the same share one question about it.
void Exchange::join_variant(const cache::StoredResponse& stored) {
  if (alone_ || ++variant_joins_ > variant_joins_max) return go_alone(!context_.policy.has_range);
  join_next(variant_fill_key(key_, std::string(stored.selecting())));
}

// May that answer the request without anybody being asked?
bool Exchange::may_serve(const cache::Lookup& found) const {
  if (found.response == nullptr || found.purged != cache::PurgeVerdict::kept) return false;
  const cache::ResponseMeta meta = found.response->meta();
  return cache::decide(context_.policy, &meta, false, worker_.loop().wall_now(), *context_.options).action ==
         cache::Decision::Action::serve;
}

// Between our look-up and our fill another fill may have ended and stored what we want.
bool Exchange::stored_meanwhile() {
  const cache::Lookup found = worker_.reader().lookup(context_.key, request_.fields);
  return found.response != context_.stored && may_serve(found);
}

void Exchange::go_alone(bool keep) {
  leave_fill();
  wait_timer_.cancel();
  alone_ = true;
  leader_ = true;
  collapsed_ = false;
  in_runs_ = false;
  known_.reset();
  step_ = Step::await_head;
  fill_base_ = 0;
  fill_ = worker_.fills().start_private(context_.key, worker_.worker_fills(), *this, keep);
  // Peers answer GET and HEAD only.
  const bool other_method = request_.method != http::Method::get && request_.method != http::Method::head;
  const bool bypass = context_.decision.reason == cache::ForwardReason::bypass;
  start_fetch(other_method || bypass || http::has_content(request_) || context_.hit_for_miss ||
              request_.upgrade);
}

FetchJob Exchange::make_job(bool straight_to_origin) {
  return make_fetch_job(worker_, snapshot_, context_, request_,
                        {client_address_.ip(), scheme_, proof_, straight_to_origin, heat_});
}

void Exchange::start_fetch(bool straight_to_origin) {
  FetchJob job = make_job(straight_to_origin);
  job.whole_representation = !alone_ || (fill_->kept() && request_.method == http::Method::get);
  job.upgrade = request_.upgrade && context_.site->allow_upgrade && alone_;
  // A fill that others wait for is not bound by what its first asker could wait, nor is that one by the fill.
  if (alone_) {
    job.deadline = deadline_;
  } else if (step_ == Step::await_head && job.deadline > deadline_) {
    limit_wait();
  }
  job.client = this;
  upstream_ = job.plan.targets.front().is_origin() ? "origin" : "peer";
  if (in_runs_) job.range = ask_;
  if (job.whole_representation && stored_is_asked_about()) job.validate = context_.stored;
  if (head_only()) job.confirm = context_.stored;
  Fetch::start(worker_, fill_, std::move(job));
}

// With validators only when the decision was to validate; without any the fetch still needs to know what
// could be served in place of an error (RFC 5861 section 4).
bool Exchange::stored_is_asked_about() const {
  if (context_.stored == nullptr) return false;
  const cache::ResponseMeta meta = context_.stored->meta();
  const bool validators =
      meta.is(cache::ResponseMeta::has_etag) || meta.is(cache::ResponseMeta::has_last_modified);
  return !validators || context_.decision.action == cache::Decision::Action::validate;
}

void Exchange::leave_fill() {
  if (fill_ == nullptr) return;
  if (fetch() != nullptr) fetch()->detach_client();
  fill_->leave(*this);
  fill_.reset();
}

void Exchange::on_fill_progress() {
  worker_.purges().believe_at(worker_.loop().now());
  advance();
}

void Exchange::advance() {
  switch (step_) {
    case Step::await_head:
      switch (fill_->state()) {
        case cache::Fill::State::requested:
          return;
        case cache::Fill::State::failed:
          // A fill that fails with its head published is seen as failed too; whoever has not answered yet may
          // still answer an error.
          return on_fill_failed();
        case cache::Fill::State::freshened:
          return on_freshened();
        default:
          if (awaits_invalidation()) return;
          return in_runs_ ? judge_run_head() : judge_head();
      }
    case Step::await_invalidation:
      return;
    case Step::await_resume:
      return on_resume_head();
    case Step::await_run:
      return on_run_head();
    case Step::streaming:
      return client_.body_ready();
    case Step::answered:
      return;
  }
}

// When the head arrives every follower decides again with its own request.
void Exchange::judge_head() {
  wait_timer_.cancel();
  const std::shared_ptr<const cache::FillHead> head = fill_->head();
  if (leader_) return answer_from_fill();
  if (!head->storable) {
    // To ask once more each would only add to what the origin cannot do now.
    if (head->status >= 500) {
      leave_fill();
      return answer_failure({Side::upstream, "http_response_error", ""}, head->status);
    }
    context_.hit_for_miss = true;
    return go_alone(false);
  }
  if (purged_since_sent(*head)) return join_again();
  if (!may_share(*head)) return follow_variant(*head);
  if (fill_->read(0).state == cache::Body::ReadState::absent) return go_alone(false);
  answer_from_fill();
}

bool Exchange::purged_since_sent(const cache::FillHead& head) const {
  return worker_.purges().table().judge(head.purge_stamp, key_, head.lines) != cache::PurgeVerdict::kept;
}

bool Exchange::may_share(const cache::FillHead& head) const {
  if (!may_follow(head.meta, asked_before_sent())) return false;
  return head.vary_names.empty() || cache::selects(head.selecting, request_.fields);
}

bool Exchange::may_follow(const cache::ResponseMeta& meta, bool asked_before_sent) const {
  // While nobody can tell what has been purged, only what was sent for us or later comes after all of it.
  if (!asked_before_sent && !worker_.purges().table().verified()) return false;
  cache::RequestPolicy policy = context_.policy;
  if (in_runs_) policy.has_range = false;
  return cache::may_follow(policy, meta, worker_.loop().wall_now(), asked_before_sent);
}

// Followers that select another variant collapse among themselves; who may not share for another reason goes
// alone.
void Exchange::follow_variant(const cache::FillHead& head) {
  const bool variant = !head.vary_names.empty() && !cache::selects(head.selecting, request_.fields);
  if (!variant && may_follow(head.meta, true)) return join_anew();
  if (!variant || ++variant_joins_ > variant_joins_max) return go_alone(false);
  std::string selecting;
  cache::selecting_bytes(head.vary_names, request_.fields, selecting);
  leave_fill();
  origin_.reason = cache::ForwardReason::vary_miss;
  // The variant may have been stored by a fill that ended in the meantime.
  const cache::Lookup found = worker_.reader().lookup(context_.key, request_.fields);
  if (may_serve(found)) {
    origin_.collapsed = true;
    return answer_from_store(*found.response, origin_);
  }
  join_fill(variant_fill_key(key_, selecting));
}

// Of all that is stored under the key one response was validated, or none: the others are what they were
// (RFC 9111 4.3.4).
void Exchange::on_freshened() {
  const bool asked_before = asked_before_sent();
  wait_timer_.cancel();
  const std::optional<std::string> renewed = fill_->renewed();
  const cache::Lookup found = worker_.reader().lookup(context_.key, request_.fields);
  const bool marker =
      found.response != nullptr && found.response->meta().is(cache::ResponseMeta::hit_for_miss);
  if (found.state != cache::Lookup::State::hit || marker) {
    // Evicted, purged or invalidated meanwhile: nothing is lost but time.
    leave_fill();
    context_.decision.action = cache::Decision::Action::forward;
    return marker ? go_alone(true) : join_anew();
  }
  const bool ours = renewed == found.response->selecting();
  // What must be validated for every use was validated for the leader alone (RFC 9111 5.2.2.4).
  const bool usable = ours ? leader_ || may_follow(found.response->meta(), asked_before) : may_serve(found);
  leave_fill();
  if (!usable) {
    adopt_renewed(*found.response);
    context_.decision.action = cache::Decision::Action::validate;
    if (!may_follow(found.response->meta(), true)) return go_alone(!context_.policy.has_range);
    return renewed && !ours ? join_variant(*found.response) : join_anew();
  }
  AnswerOrigin told = origin_;
  told.fwd_status = ours ? 304 : 0;
  const bool waited = !leader_ || purge_joins_ > 0 || variant_joins_ > 0;
  // RFC 9211 2.1: what went nowhere, and waited for nobody who did, is a hit.
  told.hit = !ours && !waited;
  told.has_reason = !told.hit;
  told.collapsed = ours ? collapsed_ : waited;
  worker_.metrics().add(ours ? Metric::requests_revalidated : Metric::requests_hit);
  answer_from_store(*found.response, told);
}

void Exchange::on_fill_failed() {
  fail(fill_->error().value_or(Error{Side::internal, "proxy_internal_error", ""}));
}

void Exchange::fail(const Error& error) {
  leave_fill();
  wait_timer_.cancel();
  const cache::StoredResponse* const stored = in_place_of(error);
  if (stored == nullptr) return answer_failure(error);
  // RFC 9211 2.1: what went forward is no hit, even if the store answers in the end.
  origin_.detail = detail_stale_if_error;
  worker_.metrics().add(Metric::requests_stale);
  answer_from_store(*stored, origin_);
}

void Exchange::on_timer(net::Timer& timer) {
  if (&timer == &interim_timer_) {
    if (step_ != Step::await_head) return;
    serve::ReplyHead interim;
    interim.status = 102;
    interim.lines = "HTTP/1.1 102 Processing\r\n";
    return client_.send_interim(interim);
  }
  if (step_ == Step::await_invalidation) {
    worker_.metrics().add(Metric::invalidations_late, round_->messages());
    worker_.metrics().add(Metric::group_invalidations_late, round_->groups ? 1 : 0);
    round_->over = true;
    return on_invalidated();
  }
  if (step_ == Step::await_head) on_wait_over();
}

void Exchange::on_fetch_invalidates(std::shared_ptr<InvalidationRound> round) { round_ = std::move(round); }

// The answer to an unsafe method goes out when no node serves any more what it invalidated, or after a while.
bool Exchange::awaits_invalidation() {
  if (round_ == nullptr || round_->open == 0) return false;
  round_->waiter = this;
  step_ = Step::await_invalidation;
  worker_.loop().timers().arm(wait_timer_, worker_.loop().now() + snapshot().exchange.invalidation_wait);
  return true;
}

void Exchange::on_invalidated() {
  wait_timer_.cancel();
  round_->waiter = nullptr;
  round_.reset();
  step_ = Step::await_head;
  advance();
}

void Exchange::on_request_body(std::string_view bytes) {
  if (step_ == Step::answered) return;
  content_received_ += bytes.size();
  if (content_received_ > context_.site->request_body_bytes_max) {
    if (step_ != Step::await_head) return client_.cut();
    leave_fill();
    client_.pause_request_body();
    step_ = Step::answered;
    status_ = 413;
    error_ = "content-too-large";
    ErrorAnswer answer;
    answer.status = 413;
    answer.node_name = snapshot().node_name;
    return answer_error(client_, answer);
  }
  if (fetch() != nullptr) fetch()->send_content(bytes);
}

void Exchange::on_request_end() {
  if (fetch() != nullptr) fetch()->end_content();
}

void Exchange::on_fetch_wants_content() { client_.read_request_body(); }
void Exchange::on_fetch_content_full() { client_.pause_request_body(); }

void Exchange::on_fetch_interim(const http::ResponseHead& head) {
  if (step_ != Step::await_head) return;
  std::string lines;
  http::HeadWriter writer(lines);
  writer.status_line(head.status, head.reason);
  for (const http::Field& field : head.fields) {
    if (is_end_to_end(field.id) && !named_in_connection(head.fields, field.name)) {
      writer.field(field.name, field.value);
    }
  }
  serve::ReplyHead interim;
  interim.status = head.status;
  interim.lines = lines;
  client_.send_interim(interim);
}

void Exchange::on_fetch_upgraded(const http::ResponseHead& head, net::Stream& stream, std::string unread) {
  const serve::TakenStream client = client_.take_stream();
  if (client.stream == nullptr) {
    stream.close();
    return answer_failure({Side::internal, "proxy_internal_error", "this protocol cannot be upgraded"});
  }
  Tunnel::start(worker_, *client.stream, stream, head, client.unread, unread);
  status_ = 101;
  record_exchange(serve::ExchangeEnd::complete);
  delete this;
}

void Exchange::on_exchange_refused(int status) {
  status_ = status;
  error_ = "http_request_error";
}

void Exchange::on_exchange_end(serve::ExchangeEnd end) {
  record_exchange(end);
  delete this;
}

}  // namespace perigee::proxy

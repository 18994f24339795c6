// The answering half of a fetch: what it makes of the heads and bytes that come back.

#include <fmt/format.h>

#include <utility>

#include "edge/base/bytes.h"
#include "edge/cache/stored_head.h"
#include "edge/http/date.h"
#include "edge/http/entity_tag.h"
#include "edge/http/range.h"
#include "edge/proxy/fetch.h"
#include "edge/proxy/invalidation.h"

namespace perigee::proxy {

namespace {

// Whether an answer that is not storable says something about its key, or only about one request or a bad
// moment.
bool tells_of_the_key(std::string_view why_not, int status) {
  // RFC 8470 5.2: 425 says that this request came too early.
  return status < 500 && status != 425 && why_not != "authorization" && why_not != "request_no_store" &&
         why_not != "method";
}

// Fields that go upstream in other words than the client's, or not at all: what a response selects by them
// cannot be told from the request (RFC 9111 4.1).
bool names_rewritten_field(std::string_view vary_names) {
  constexpr std::string_view rewritten[] = {"x-forwarded-for",
                                            "x-forwarded-proto",
                                            "x-forwarded-host",
                                            "via",
                                            "cdn-loop",
                                            "surrogate-capability",
                                            "te",
                                            "upgrade",
                                            "connection",
                                            "host",
                                            "expect",
                                            "proxy-authorization",
                                            "client-cert",
                                            "client-cert-chain",
                                            "early-data",
                                            "traceparent",
                                            "tracestate"};
  while (!vary_names.empty()) {
    const std::string_view name = vary_names.substr(0, vary_names.find('\0'));
    for (std::string_view candidate : rewritten) {
      if (name == candidate) return true;
    }
    vary_names.remove_prefix(name.size() + 1);
  }
  return false;
}

std::string_view strong_etag(const http::FieldList& fields) {
  const std::string_view etag = fields.value(http::FieldId::etag);
  const auto tag = http::parse_entity_tag(etag);
  return tag && !tag->weak ? etag : std::string_view();
}

// The entity-tag, or a Last-Modified that is old enough to be strong (RFC 9110 8.8.2.2).
std::string_view strong_validator(const http::FieldList& fields, WallTime now) {
  if (fields.has(http::FieldId::etag)) return strong_etag(fields);
  constexpr int64_t old_enough = 60;
  const std::string_view text = fields.value(http::FieldId::last_modified);
  const auto modified = http::parse_date(text, unix_seconds(now));
  const auto date = http::parse_date(fields.value(http::FieldId::date), unix_seconds(now));
  return modified && date && *date - *modified >= old_enough ? text : std::string_view();
}

std::optional<http::ByteRange> stated_range(const http::ResponseHead& head) {
  const auto stated = http::parse_content_range(head.fields.value(http::FieldId::content_range));
  return stated && stated->length ? stated->range : std::nullopt;
}

// Where the content of a 206 belongs; nullopt when that cannot be told. The content is what counts: when it
// is one byte short of a range that reaches the end, the origin has counted the end as the byte after the
// last, as many do. Whatever else disagrees is refused (RFC 9110 14.4).
std::optional<cache::RunOf> run_of(const http::ResponseHead& head, WallTime now) {
  const auto range = stated_range(head);
  if (!range || head.fields.count(http::FieldId::content_range) != 1) return std::nullopt;
  cache::RunOf run;
  run.first = range->first;
  run.complete_length = *http::parse_content_range(head.fields.value(http::FieldId::content_range))->length;
  run.validator = strong_validator(head.fields, now);
  if (head.framing != http::Framing::length) return run;
  const uint64_t content = head.content_length;
  if (content == range->length()) return run;
  if (content == 0 || content + 1 != range->length() || range->last + 1 != run.complete_length)
    return std::nullopt;
  --run.complete_length;
  return run;
}

}  // namespace

void Fetch::on_upstream_interim(const http::ResponseHead& head) {
  // 102 from a peer: its fill is running; from now on only the deadline counts.
  const bool peer = !target().is_origin();
  if (peer) {
    phase_timer_.cancel();
    peer_heard();
  }
  // RFC 9110 15.2: all are passed on but those this node asked for. The client's Expect was met here and goes
  // no further, so a 100 is of this connection.
  const bool ours = head.status == 100 || (peer && head.status == 102);
  if (!ours && job_.client != nullptr) job_.client->on_fetch_interim(head);
}

void Fetch::on_upstream_head(const http::ResponseHead& head) {
  sent_to_->first_byte().record(worker_.loop().now() - sent_at_);
  if (target().is_origin()) origin_answered(head.status);
  if (head.status == 101) return upgraded(head);
  if (!target().is_origin()) {
    peer_heard();
    hedge_.reset();
    if (!is_peer_answer(target(), head)) {
      std::exchange(connection_, nullptr)->drop_answer();
      return attempt_failed(UpstreamFailure::declined);
    }
    if (target().joining) worker_.metrics().add(Metric::joining_found);
  }
  on_answer_head(head);
}

void Fetch::on_answer_head(const http::ResponseHead& head) {
  step_ = Step::body;
  deadline_timer_.cancel();
  worker_.loop().timers().arm(phase_timer_, worker_.loop().now() + idle_body_timeout());
  if (paused_) pause();
  if (job_.resume) return resumed(head);
  if (job_.validate != nullptr && head.status == 304) return not_modified(head);
  publish_head(head);
}

// A peer's answer is as old as the peer says, in terms of purges. What one that we know has removed is no
// answer: the next target is asked.
bool Fetch::purged_since(const http::ResponseHead& head, const cluster::PeerAnswerEnvelope& said) {
  const WorkerPurges& purges = worker_.purges();
  if (!purges.position()) return false;
  const bool error = !said.stamp && head.status >= 400;
  if (error) return false;
  const auto stamp = said.stamp ? purges.stamp_of(*said.stamp) : std::nullopt;
  if (!stamp) return true;
  if (!cache::is_older(*stamp, purges.table().position())) return false;
  purge_stamp_ = cache::is_older(*stamp, purge_stamp_) ? *stamp : purge_stamp_;
  std::string lines;
  cache::write_forwarded_head(head, worker_.loop().wall_now(), lines);
  return purges.table().judge(purge_stamp_, job_.key, lines) > cache::PurgeVerdict::stale;
}

// Only a 206 of the same strong validator that starts where we stopped continues what readers already have.
bool Fetch::resumes_here(const http::ResponseHead& head) const {
  if (head.status != 206 || head.fields.value(http::FieldId::etag) != job_.resume->etag) return false;
  const auto range = http::parse_content_range(head.fields.value(http::FieldId::content_range));
  return range && range->range && range->range->first == job_.resume->offset && range->length &&
         range->range->last + 1 == *range->length;
}

void Fetch::resumed(const http::ResponseHead& head) {
  if (!resumes_here(head)) {
    // A peer may have another version, or nothing to go on with: the origin is who knows.
    if (!target().is_origin()) return attempt_failed(UpstreamFailure::declined);
    return give_up(
        {Side::upstream, "http_response_incomplete", "the representation changed before it was complete"});
  }
  if (published_) return;
  published_ = true;
  cache::FillHead out;
  out.status = head.status;
  out.etag = etag_;
  if (head.framing == http::Framing::length) out.content_length = head.content_length;
  received_ = job_.resume->offset;
  fill_->head_arrived(std::move(out));
}

void Fetch::not_modified(const http::ResponseHead& head) {
  const cache::StoredResponse& stored = *job_.validate;
  const WallTime now = worker_.loop().wall_now();
  // RFC 9111 4.3.4: a 304 that speaks of another representation updates nothing. With an entity-tag we asked
  // about that one alone, and the answer is about it, whatever tag the origin writes into it: some add a
  // suffix for the content coding to the tag of a 200 and leave it out of the 304.
  const bool named_one = stored.meta().is(cache::ResponseMeta::has_etag);
  if (!named_one && !cache::identifies(stored.head(), head.fields)) return fetch_whole();
  std::string lines;
  cache::update_stored_head(stored.head(), head.fields, now, *job_.policy_options, lines);
  const cache::Storability judged = cache::judge_updated(request_, job_.policy, lines, head.fields,
                                                         request_time_, now, *job_.policy_options);
  const auto selecting = updated_selecting(stored, lines);
  // What the 304 made private, or not to be stored, is nobody else's from now on (RFC 9111 3, 4.3.4): the
  // whole answer says whose it is.
  if (!judged.storable || !selecting) {
    worker_.store().purge({stored.key(), cache::key_hash(stored.key())});
    return fetch_whole();
  }
  cache::Draft draft;
  draft.key = {stored.key(), cache::key_hash(stored.key())};
  draft.selecting = *selecting;
  draft.head = lines;
  draft.meta = judged.meta;
  draft.meta.set(cache::ResponseMeta::hot_copy, stored.meta().is(cache::ResponseMeta::hot_copy));
  draft.purge_stamp = purge_stamp_;
  // Evicted or replaced meanwhile: there is nothing left to freshen.
  if (!worker_.store().refresh(stored, draft)) return fetch_whole();
  phase_timer_.cancel();
  // What is left of this exchange, at most its end, concerns the connection only.
  step_ = Step::done;
  fill_->set_source(nullptr);
  fill_->freshened(*selecting);
}

// nullopt: by something that this node writes itself, so by nobody's request.
std::optional<std::string> Fetch::updated_selecting(const cache::StoredResponse& stored,
                                                    std::string_view lines) const {
  const http::ResponseHead updated = cache::read_stored_head(lines);
  if (names_rewritten_field(cache::parse_vary(updated.fields).names)) return std::nullopt;
  return cache::updated_selecting(stored.selecting(), request_.fields, updated.fields);
}

// Asks again, without the validators that led nowhere.
void Fetch::fetch_whole() {
  worker_.reader().unpin(*std::exchange(job_.validate, nullptr));
  release_upstream();
  worker_.loop().timers().arm(deadline_timer_, job_.deadline);
  choose_target();
}

cache::Storability Fetch::judge(const http::ResponseHead& head, WallTime now) const {
  const cache::PolicyOptions& options = *job_.policy_options;
  if (request_.method != http::Method::post) {
    return cache::judge_response(request_, job_.policy, head, request_time_, now, options);
  }
  std::string named;
  const bool names_target =
      resolve_same_origin(job_.key, head.fields.value(http::FieldId::content_location), named) &&
      head.fields.has(http::FieldId::content_location) && named == job_.key;
  return cache::judge_post_response(request_, job_.policy, head, names_target, request_time_, now, options);
}

// RFC 9111 4.4: before anybody sees the answer. What comes back now, if it may be stored, is newer than that.
void Fetch::invalidate(const http::ResponseHead& head) {
  std::vector<std::string> keys = invalidated_keys(job_.key, request_.method, head);
  // Where nothing is stored there is nothing to forget, on no node: this spares endpoints that only take
  // POST.
  if (!keys.empty() && !job_.policy_options->enabled) keys.erase(keys.begin());
  OriginGroups groups = groups_to_invalidate(job_.key, request_.method, head);
  if (keys.empty() && groups.groups.empty()) return;
  const bool outdated = !keys.empty() && fill_->invalidated(cache::key_hash(job_.key));
  auto round = worker_.invalidator().invalidate(job_.snapshot, keys);
  if (!keys.empty() && !outdated) fill_->sent(purge_stamp_);
  if (!groups.groups.empty()) invalidate_groups(std::move(groups), round);
  if (job_.client != nullptr) job_.client->on_fetch_invalidates(std::move(round));
}

// RFC 9875 3.
void Fetch::invalidate_groups(OriginGroups groups, std::shared_ptr<InvalidationRound> round) {
  worker_.metrics().add(Metric::group_invalidations);
  round->open_groups();
  worker_.groups().invalidate_groups(std::move(groups), worker_.loop(),
                                     [&worker = worker_, round = std::move(round)](bool ok) {
                                       if (!ok) worker.metrics().add(Metric::group_invalidations_failed);
                                       round->settle_groups();
                                     });
}

void Fetch::publish_head(const http::ResponseHead& head) {
  const WallTime now = worker_.loop().wall_now();
  invalidate(head);
  if (job_.confirm != nullptr) confirm_stored(head);
  const bool server_error =
      head.status == 500 || head.status == 502 || head.status == 503 || head.status == 504;
  if (server_error && job_.validate != nullptr &&
      cache::may_serve_stale_on_error(job_.policy, job_.validate->meta(), now, *job_.policy_options)) {
    return give_up(
        {Side::upstream, "http_response_error", fmt::format("status {} while validating", head.status)});
  }
  if (head.status == 206 && job_.range) return publish_run(head);
  job_.range.reset();
  const cache::Storability judged = judge(head, now);
  cache::FillHead out;
  describe(head, judged, out);
  const bool whole = job_.whole_representation || request_.method == http::Method::post;
  out.storable = out.storable && whole;
  if (out.storable) {
    cache::write_stored_head(head, now, *job_.policy_options, out.lines);
    if (cache::has_qualified_fields(head, *job_.policy_options)) {
      cache::write_forwarded_head(head, now, out.leader_lines);
    }
  } else {
    cache::write_forwarded_head(head, now, out.lines);
  }
  if (head.framing == http::Framing::length) out.content_length = head.content_length;
  const bool about_another = request_.method == http::Method::head || head.status == 304;
  if (head.framing == http::Framing::none && !about_another) out.content_length = 0;
  if (about_another) out.announced_length = parse_decimal(head.fields.value(http::FieldId::content_length));
  if (head.status == 200) out.etag = strong_etag(head.fields);
  if (out.storable && worth_a_copy(head)) {
    out.store = true;
    out.meta.set(cache::ResponseMeta::hot_copy, true);
  }
  if (!out.storable && job_.whole_representation) worker_.metrics().add(Metric::fills_uncacheable);
  etag_ = out.etag;
  published_ = true;
  fill_->head_arrived(std::move(out));
}

// Of a hot key, when its size is known and fits. The owner keeps its own.
bool Fetch::worth_a_copy(const http::ResponseHead& head) const {
  return job_.hot && target().tier == cluster::Tier::region && !target().joining && head.status == 200 &&
         head.framing == http::Framing::length && worker_.hot_copies().admits(head.content_length);
}

// RFC 9111 4.3.5: a 200 to HEAD is what GET would have said. It freshens what is stored when it speaks of the
// same representation, else that is stale from now on.
void Fetch::confirm_stored(const http::ResponseHead& head) {
  if (head.status != 200) return;
  const cache::StoredResponse& stored = *job_.confirm;
  const WallTime now = worker_.loop().wall_now();
  cache::Draft draft;
  draft.key = {stored.key(), cache::key_hash(stored.key())};
  draft.selecting = stored.selecting();
  const cache::HeadSays says = cache::head_says(stored.head(), stored.body_length(), head);
  if (says == cache::HeadSays::nothing) return;
  if (says == cache::HeadSays::contradicts) {
    draft.head = stored.head();
    draft.meta = stored.meta();
    draft.meta.freshness_lifetime = 0;
    draft.meta.stale_while_revalidate = 0;
    draft.purge_stamp = stored.purge_stamp();
    worker_.store().refresh(stored, draft);
    return;
  }
  if (job_.policy.no_store) return;
  http::RequestHead get = request_;
  get.method = http::Method::get;
  std::string lines;
  cache::update_stored_head(stored.head(), head.fields, now, *job_.policy_options, lines);
  const cache::Storability judged =
      cache::judge_updated(get, job_.policy, lines, head.fields, request_time_, now, *job_.policy_options);
  const auto selecting = updated_selecting(stored, lines);
  if (!judged.storable || !selecting) {
    worker_.store().purge(draft.key);
    return;
  }
  draft.selecting = *selecting;
  draft.head = lines;
  draft.meta = judged.meta;
  draft.purge_stamp = purge_stamp_;
  worker_.store().refresh(stored, draft);
}

// What a head says of a response for the store, but for its lines and its content.
void Fetch::describe(const http::ResponseHead& head, const cache::Storability& judged,
                     cache::FillHead& out) const {
  out.status = head.status;
  out.meta = judged.meta;
  out.purge_stamp = purge_stamp_;
  cache::Vary vary = cache::parse_vary(head.fields);
  if (names_rewritten_field(vary.names)) vary.any = true;
  if (!vary.any && vary.names.empty()) vary.names = names_of_variants();
  out.storable = judged.storable && !vary.any;
  // One copy in the region, at the owner; the receiver passes it on. Who asked another for what that one has
  // stored because it has just become the owner keeps it.
  out.store = target().tier != cluster::Tier::region || target().joining;
  out.age_told = head.fields.has(http::FieldId::age);
  out.vary_any = vary.any;
  out.vary_names = vary.names;
  cache::selecting_bytes(vary.names, request_.fields, head.fields, out.selecting);
  out.hit_for_miss_seconds =
      tells_of_the_key(judged.why_not, head.status) ? job_.policy_options->hit_for_miss : 0;
}

// RFC 9111 4.1: some origins leave Vary out of what they send to those who state no preference. While
// something else of the URL is fresh that has it, this was selected by the same fields.
std::string Fetch::names_of_variants() const {
  const WallTime now = worker_.loop().wall_now();
  for (const cache::StoredResponse* other : worker_.reader().all({job_.key, cache::key_hash(job_.key)})) {
    if (other->selecting().empty() || other->meta().ttl(now) <= 0) continue;
    cache::Vary vary = cache::parse_vary(cache::read_stored_head(other->head()).fields);
    if (!vary.names.empty()) return std::move(vary.names);
  }
  return {};
}

// A 206 to a run we asked for: judged as the 200 that its fields describe (RFC 9111 3.4).
void Fetch::publish_run(const http::ResponseHead& head) {
  const WallTime now = worker_.loop().wall_now();
  http::ResponseHead whole = head;
  whole.status = 200;
  whole.reason = http::reason_phrase(200);
  whole.fields = http::FieldList();
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::content_range && field.id != http::FieldId::content_length)
      whole.fields.add(field);
  }
  const cache::Storability judged = judge(whole, now);
  cache::FillHead out;
  describe(whole, judged, out);
  out.run = run_of(head, now);
  if (!out.run) out.storable = false;
  out.status = head.status;
  if (head.framing == http::Framing::length) out.content_length = head.content_length;
  if (out.run && !out.content_length) out.content_length = stated_range(head)->length();
  if (out.storable) {
    cache::write_stored_head(whole, now, *job_.policy_options, out.lines);
  } else {
    out.hit_for_miss_seconds = 0;
    if (out.run) cache::write_forwarded_head(whole, now, out.lines);
  }
  cache::write_forwarded_head(head, now, out.leader_lines);
  out.replaces_whole = job_.validate != nullptr;
  out.etag = out.run ? out.run->validator : std::string();
  etag_ = out.etag;
  published_ = true;
  fill_->head_arrived(std::move(out));
}

void Fetch::on_upstream_body(std::string_view bytes) {
  if (step_ == Step::done) return;
  const bool peer = !target().is_origin();
  worker_.metrics().add(peer ? Metric::upstream_bytes_peer : Metric::upstream_bytes_origin, bytes.size());
  sent_to_->received(bytes.size());
  if (phase_timer_.armed()) {
    worker_.loop().timers().arm(phase_timer_, worker_.loop().now() + idle_body_timeout());
  }
  received_ += bytes.size();
  // Last: it may pause us, or cancel and so destroy us.
  fill_->append(bytes);
}

void Fetch::on_upstream_end() {
  connection_ = nullptr;
  if (step_ == Step::done) return end();
  const std::shared_ptr<cache::Fill> fill = fill_;
  report_peer(cluster::PeerOutcome::success);
  worker_.metrics().add(Metric::fills_completed);
  // What it would take the place of may be newer.
  const std::shared_ptr<const cache::FillHead> head = fill->head();
  const bool purged =
      head != nullptr &&
      worker_.purges().table().judge(head->purge_stamp, job_.key, head->lines) == cache::PurgeVerdict::gone;
  const bool copy = head != nullptr && head->meta.is(cache::ResponseMeta::hot_copy);
  Worker& worker = worker_;
  const std::string key = copy ? job_.key : std::string();
  fill->set_source(nullptr);
  end();
  fill->finish(purged);
  if (!copy || fill->state() != cache::Fill::State::complete) return;
  worker.metrics().add(Metric::hot_copies_stored);
  worker.hot_copies().stored(key, *head->content_length + head->lines.size() + key.size());
}

void Fetch::on_upstream_failed(UpstreamFailure failure) {
  connection_ = nullptr;
  if (step_ == Step::done) return end();
  attempt_failed(failure);
}

void Fetch::upgraded(const http::ResponseHead& head) {
  FetchClient* client = job_.client;
  if (!job_.upgrade || client == nullptr) return attempt_failed(UpstreamFailure::bad_response);
  job_.client = nullptr;
  client->fetch_ = nullptr;
  std::string unread;
  net::Stream& stream = std::exchange(connection_, nullptr)->take_stream(unread);
  client->on_fetch_upgraded(head, stream, std::move(unread));
  fill_->set_source(nullptr);
  end();
}

}  // namespace perigee::proxy

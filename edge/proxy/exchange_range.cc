// The part of an exchange that answers in runs: requests for ranges, and requests for a response of which
// only some bytes are stored. Each run is a fill of its own; what arrives is stored, and the next asker finds
// it.
//
// All runs of one answer are under one strong validator (RFC 9110 15.3.7.3, 14.5). What has none is answered
// from a single run, or passed on as the origin gives it.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/http/entity_tag.h"
#include "edge/proxy/exchange.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

namespace {

using cache::ByteRun;

constexpr uint64_t block_mask = cache::block_bytes - 1;
constexpr uint8_t run_joins_max = 4;
// Other nodes were reading the same when it broke off, some not as far. Clients go on for themselves.
constexpr uint64_t others_behind = 1 << 20;

// What a run's fills are found under.
std::string representation_name(std::string_view key, std::string_view selecting,
                                std::string_view validator) {
  std::string name(key);
  name.push_back('\0');
  name += selecting;
  name.push_back('\0');
  name += validator;
  return name;
}

std::string range_value(const ByteRun& run, uint64_t length) {
  if (run.last + 1 == length) return fmt::format("bytes={}-", run.first);
  return fmt::format("bytes={}-{}", run.first, run.last);
}

bool has_strong_if_range(const http::FieldList& fields) {
  const auto tag = http::parse_entity_tag(fields.value(http::FieldId::if_range));
  return tag && !tag->weak;
}

// The rest of something, from whoever has the beginning.
bool goes_on(const std::vector<http::RangeSpec>& specs, const http::FieldList& fields) {
  return specs.size() == 1 && !specs.front().last && has_strong_if_range(fields);
}

std::shared_ptr<const cache::Body> body_of(cache::Budget& budget, const cache::StoredResponse& stored) {
  if (!stored.has_small_body()) return stored.large_body();
  auto copy = std::make_shared<cache::GrowingBody>(budget, stored.body_length());
  copy->append(stored.small_body());
  copy->finish();
  return copy;
}

}  // namespace

bool Exchange::answers_in_runs() {
  if (request_.method != http::Method::get || !context_.policy.cacheable_method) return false;
  if (!context_.options->enabled || context_.hit_for_miss || request_.upgrade) return false;
  if (context_.policy.no_store || context_.policy.no_cache || http::has_content(request_)) return false;
  if (context_.policy.has_origin_condition || is_early()) return false;
  if (context_.decision.reason == cache::ForwardReason::bypass) return false;
  if (!context_.policy.has_range) return context_.incomplete;
  // RFC 9110 14.2: a Range that is none is ignored.
  if (http::parse_range(request_.fields.value(http::FieldId::range))) return true;
  context_.policy.has_range = false;
  return context_.incomplete;
}

void Exchange::begin_runs() {
  in_runs_ = true;
  if (context_.incomplete) return complete_stored(*context_.stored);
  if (joins_whole_under_way()) return;
  ask_ = cold_ask();
  join_fill(range_fill_key(key_));
  if (leader_) wanted_ = http::parse_range(request_.fields.value(http::FieldId::range))->front().first;
}

// A range of the very representation that is being fetched as a whole: a download that goes on, or another
// node whose fetch broke off where ours did. Between nodes that see another membership the one might wait for
// the other.
bool Exchange::joins_whole_under_way() {
  if (context_.from_peer && !context_.digest_agrees) return false;
  const std::string_view if_range = request_.fields.value(http::FieldId::if_range);
  const std::shared_ptr<cache::Fill> fill = if_range.empty() ? nullptr : worker_.fills().find(context_.key);
  const std::shared_ptr<const cache::FillHead> head = fill == nullptr ? nullptr : fill->head();
  if (head == nullptr || head->status != 200 || head->etag != if_range || !head->content_length) return false;
  const auto first = http::parse_range(request_.fields.value(http::FieldId::range))->front().first;
  if (!first || !fill->is_near(*first) || !may_share(*head) || fill->invalidated(context_.key.hash))
    return false;
  if (purged_since_sent(*head)) return false;
  if (!worker_.fills().follow(*fill, worker_.worker_fills(), *this)) return false;
  fill_ = fill;
  leader_ = false;
  collapsed_ = true;
  worker_.metrics().add(Metric::fills_collapsed);
  return true;
}

// Whole blocks around the first range asked for: nothing is known of the representation yet. The end of an
// unknown length can only be asked for in the client's own words.
RangeAsk Exchange::cold_ask() const {
  const auto specs = http::parse_range(request_.fields.value(http::FieldId::range));
  const http::RangeSpec& spec = specs->front();
  const http::FieldList& fields = request_.fields;
  RangeAsk ask;
  if (!spec.first) {
    ask.range = fmt::format("bytes=-{}", *spec.last);
    ask.is_clients = true;
  } else {
    const bool for_others = context_.from_peer && goes_on(*specs, fields);
    const uint64_t behind = for_others ? std::min(*spec.first, others_behind) : 0;
    ask.first = (*spec.first - behind) & ~block_mask;
    ask.range = fmt::format("bytes={}-", ask.first);
    if (spec.last) ask.range += fmt::format("{}", *spec.last | block_mask);
    ask.is_clients = ask.first == *spec.first && (!spec.last || (*spec.last | block_mask) == *spec.last);
  }
  ask.is_clients = ask.is_clients && specs->size() == 1 && !fields.has(http::FieldId::if_range) &&
                   !fields.has(http::FieldId::if_none_match) && !fields.has(http::FieldId::if_modified_since);
  if (has_strong_if_range(fields)) ask.if_range = fields.value(http::FieldId::if_range);
  return ask;
}

bool Exchange::lacks_bytes(const cache::StoredResponse& stored) const {
  if (!stored.meta().is(cache::ResponseMeta::partial) || head_only()) return false;
  const StoredPlan plan = plan_stored(request_, stored.meta().status, stored.head(), stored.body_length(),
                                      worker_.loop().wall_now(), worker_.loop().random());
  return plan.sends_bytes(stored.meta().status) &&
         missing_of(plan, static_cast<const cache::SparseBody&>(*stored.large_body()));
}

void Exchange::know(const cache::StoredResponse& stored) {
  Known known;
  known.lines = stored.head();
  known.selecting = stored.selecting();
  known.meta = stored.meta();
  known.length = stored.body_length();
  known.body = body_of(worker_.store().budget(), stored);
  if (stored.meta().is(cache::ResponseMeta::partial)) {
    known.validator = static_cast<const cache::SparseBody&>(*known.body).validator();
  }
  known_ = std::move(known);
}

// Fetches the first of what is missing before the head is sent: by then it is known whether the rest can
// still be had under the same validator. Nothing can be added to what has none: to a range it is as if
// it were not there. For the whole its rest is asked for all the same, since the answer may be all of it; if
// it is not, see leave_runs().
void Exchange::complete_stored(const cache::StoredResponse& stored) {
  leave_fill();
  in_runs_ = true;
  step_ = Step::await_head;
  know(stored);
  if (origin_.reason != cache::ForwardReason::stale) origin_.reason = cache::ForwardReason::partial;
  if (known_->validator.empty() && context_.policy.has_range) {
    adopt_renewed(stored);
    context_.decision.action = cache::Decision::Action::forward;
    return alone_ || ++run_joins_ > run_joins_max ? go_alone(may_keep()) : join_next(key_);
  }
  plan_ = plan_stored(request_, 200, known_->lines, known_->length, worker_.loop().wall_now(),
                      worker_.loop().random());
  const auto gap = missing_of(plan_, static_cast<const cache::SparseBody&>(*known_->body));
  if (!gap || ++run_joins_ > run_joins_max || !join_run(*gap)) go_alone(may_keep());
}

// The gap, up to the next borders of blocks as far as those bytes are missing too.
ByteRun Exchange::aligned(const ByteRun& gap) const {
  ByteRun run{gap.first & ~block_mask, std::min(gap.last | block_mask, known_->length - 1)};
  if (known_->body == nullptr) return run;
  const auto* sparse = dynamic_cast<const cache::SparseBody*>(known_->body.get());
  if (sparse == nullptr) return gap;
  while (const auto missing = sparse->missing(run)) {
    if (missing->contains(gap.first)) return *missing;
    run.first = missing->last + 1;
  }
  return gap;
}

// A run of what we know: so its tags are known, too, before its head is there.
bool Exchange::purged_since_sent(const cache::Fill& run) const {
  const std::optional<cache::PurgeStamp> sent = run.purge_stamp();
  return sent && worker_.purges().table().judge(*sent, key_, known_->lines) != cache::PurgeVerdict::kept;
}

// False when nobody brings these bytes.
bool Exchange::join_run(const ByteRun& gap) {
  const MonoTime now = worker_.loop().now();
  const std::string name = name_apart(representation_name(key_, known_->selecting, known_->validator));
  const auto claim_run = [&] {
    return worker_.runs().claim(name, aligned(gap), worker_.worker_fills(), *this, now);
  };
  cache::RunTable::Claim claim = claim_run();
  while (claim.fill != nullptr && !claim.leader && purged_since_sent(*claim.fill)) {
    worker_.fills().retire(*claim.fill);
    claim.fill->leave(*this);
    claim = claim_run();
  }
  if (claim.fill == nullptr) return false;
  fill_ = std::move(claim.fill);
  leader_ = claim.leader;
  fill_base_ = claim.run.first;
  wanted_ = gap.first;
  collapsed_ = !leader_;
  if (!leader_) {
    worker_.metrics().add(Metric::fills_collapsed);
    if (step_ == Step::await_head) limit_wait();
    return true;
  }
  fill_->set_store_key(context_.key);
  worker_.metrics().add(Metric::fills_started);
  ask_ = RangeAsk{range_value(claim.run, known_->length), known_->validator, claim.run.first, false};
  start_fetch(false);
  return true;
}

// The first run of a representation: readers of others find it.
void Exchange::announce(const cache::FillHead& head) {
  if (fill_->key() != range_fill_key(key_) || !head.content_length || *head.content_length == 0) return;
  worker_.runs().announce(representation_name(key_, head.selecting, head.run->validator),
                          {head.run->first, head.run->first + *head.content_length - 1}, fill_);
}

bool Exchange::is_known(const cache::FillHead& head) const {
  return known_ && head.run && !known_->validator.empty() && head.run->validator == known_->validator &&
         head.run->complete_length == known_->length;
}

bool Exchange::needs_only(const ByteRun& run) const {
  const auto within = [&](uint64_t first, uint64_t last) {
    return run.contains(first) && run.contains(last);
  };
  if (!plan_.is_multipart()) return plan_.length == 0 || within(plan_.first, plan_.first + plan_.length - 1);
  return std::all_of(plan_.ranges.begin(), plan_.ranges.end(),
                     [&](const http::ByteRange& range) { return within(range.first, range.last); });
}

void Exchange::judge_run_head() {
  wait_timer_.cancel();
  const std::shared_ptr<const cache::FillHead> head = fill_->head();
  // Only the head tells its tags: a purge that came before we joined may have been of one of them.
  if (!leader_ && head->storable && purged_since_sent(*head)) return join_anew();
  if (!head->run) return judge_whole_for_run(*head);
  if (!leader_ && !(head->storable && may_share(*head))) {
    const bool too_late = !may_follow(head->meta, asked_before_sent()) && may_follow(head->meta, true);
    if (head->storable && too_late) return join_anew();
    context_.hit_for_miss = !head->storable;
    return go_alone(false);
  }
  if (leader_ && ask_->is_clients) return answer_clients_own_run(*head);
  const bool same = is_known(*head);
  if (!same) {
    known_ = Known{};
    known_->selecting = head->selecting;
    known_->validator = head->run->validator;
    known_->length = head->run->complete_length;
  }
  if (leader_ && head->storable && !head->run->validator.empty()) announce(*head);
  known_->lines = head->lines;
  known_->meta = head->meta;
  fill_base_ = head->run->first;
  plan_ = plan_stored(request_, 200, known_->lines, known_->length, worker_.loop().wall_now(),
                      worker_.loop().random());
  if (plan_.too_many) plan_.status = 416;
  const ByteRun run{head->run->first, head->run->first + *head->content_length - 1};
  // Another run than was asked for brings us no further; without our blocks around it the range may.
  if (plan_.sends_bytes(200) && wanted_ && !run.contains(*wanted_)) return leave_runs(*head);
  const bool may_fetch_more = head->storable && !known_->validator.empty();
  if (plan_.sends_bytes(200) && !may_fetch_more && !needs_only(run)) return leave_runs(*head);
  if (plan_.sends_bytes(200) && may_fetch_more && join_beginning(run)) return;
  answer_known(*head);
}

// This answer cannot be put together from runs. All of it is asked for by one for everybody; a range of the
// client's own is its own.
void Exchange::leave_runs(const cache::FillHead& head) {
  if (context_.policy.has_range || !head.storable) return go_alone(may_keep());
  // It would take the place of the whole, if it came later.
  if (known_->validator.empty()) fill_->forgo();
  context_.decision.action = cache::Decision::Action::forward;
  join_anew();
}

// What of the planned bytes is not stored, as far as it is known what is; nullopt: nothing.
std::optional<ByteRun> Exchange::first_gap() const {
  if (const auto* sparse = dynamic_cast<const cache::SparseBody*>(known_->body.get()))
    return missing_of(plan_, *sparse);
  if (known_->body != nullptr || plan_.length == 0) return std::nullopt;
  if (plan_.is_multipart()) return ByteRun{plan_.ranges.front().first, plan_.ranges.front().last};
  return ByteRun{plan_.first, plan_.first + plan_.length - 1};
}

// What somebody else's run has brought is not where our answer begins. The head is not sent before the first
// of our missing bytes is on its way: the origin may have something new instead. False: it can be sent.
bool Exchange::join_beginning(const ByteRun& run) {
  std::optional<ByteRun> gap = first_gap();
  if (!gap || run.contains(gap->first)) return false;
  adopt_stored();
  gap = first_gap();
  if (!gap || run.contains(gap->first)) return false;
  leave_fill();
  if (++run_joins_ > run_joins_max || !join_run(*gap)) go_alone(may_keep());
  return true;
}

// The answer to a Range was not a run: all of the representation, an error, or something that only the client
// who asked for it may understand.
void Exchange::judge_whole_for_run(const cache::FillHead& head) {
  if (head.status == 206) {
    if (!leader_ || !ask_->is_clients) return go_alone(false);
    return answer_from_fill();
  }
  // Said of the blocks we asked for, or of the first of several ranges.
  if (head.status == 416 && !(leader_ && ask_->is_clients)) return go_alone(false);
  // What was stored in part is no longer what the origin has.
  if (known_ && head.status == 200 && leader_ && !head.storable) worker_.store().purge(context_.key);
  known_.reset();
  fill_base_ = 0;
  const bool shared = head.storable && may_share(head);
  in_runs_ = false;
  if (!leader_ && !shared) {
    context_.hit_for_miss = !head.storable;
    return go_alone(false);
  }
  if (head.status != 200 || !head.storable || !head.content_length) return answer_from_fill();
  plan_ = plan_stored(request_, 200, head.lines, *head.content_length, worker_.loop().wall_now(),
                      worker_.loop().random());
  if (plan_.status == 200) return answer_from_fill();
  known_ = Known{};
  known_->lines = head.lines;
  known_->meta = head.meta;
  known_->length = *head.content_length;
  answer_known(head);
}

// Nothing about it was changed on the way there, so nothing is on the way back.
void Exchange::answer_clients_own_run(const cache::FillHead& head) {
  fill_base_ = head.run->first;
  origin_.collapsed = false;
  origin_.stored = fill_->kept() && head.store;
  origin_.fwd_status = status_ = head.status;
  etag_ = head.etag;
  step_ = Step::streaming;
  interim_timer_.cancel();
  worker_.metrics().add(head.storable ? Metric::requests_miss : Metric::requests_bypass);
  const std::string more = more_lines(origin_, head.meta.current_age(worker_.loop().wall_now()),
                                      tells_age(head), head.purge_stamp);
  serve::ReplyHead reply;
  reply.status = head.status;
  reply.lines = head.leader_lines;
  reply.more_lines = more;
  reply.content_length = *head.content_length;
  in_runs_ = false;
  parts_.emplace(std::vector<Part>{{"", fill_base_, *head.content_length}});
  client_.reply(reply, *this);
}

// The answer as planned, out of what is stored, this fill, and the runs that follow.
void Exchange::answer_known(const cache::FillHead& head) {
  interim_timer_.cancel();
  status_ = plan_.status;
  etag_ = known_->validator.empty() ? head.etag : known_->validator;
  origin_.collapsed = collapsed_;
  origin_.stored = fill_->kept() && head.store;
  origin_.fwd_status = head.status;
  worker_.metrics().add(head.storable ? Metric::requests_miss : Metric::requests_bypass);
  const std::string more = more_lines(origin_, known_->meta.current_age(worker_.loop().wall_now()),
                                      tells_age(head), head.purge_stamp);
  plan_.for_peer = context_.from_peer;
  std::string planned;
  if (plan_.status != 200) write_planned_head(plan_, known_->lines, known_->length, planned);
  serve::ReplyHead reply;
  reply.status = plan_.status;
  reply.lines = plan_.status == 200 ? known_->lines : planned;
  reply.more_lines = more;
  reply.content_length = planned_content_length(plan_, known_->length);
  if (!plan_.sends_bytes(200)) {
    step_ = Step::answered;
    planned += more;
    return serve::reply_owned(client_, plan_.status, reply.content_length, std::move(planned), {});
  }
  step_ = Step::streaming;
  parts_.emplace(parts_of(plan_, known_->lines, known_->length));
  client_.reply(reply, *this);
}

// What has been stored of the representation in the meantime.
void Exchange::adopt_stored() {
  const cache::Lookup found = worker_.reader().lookup(context_.key, request_.fields);
  if (found.state != cache::Lookup::State::hit || known_->validator.empty()) return;
  if (found.purged != cache::PurgeVerdict::kept) return;
  const cache::StoredResponse& stored = *found.response;
  if (stored.meta().is(cache::ResponseMeta::hit_for_miss) || stored.body_length() != known_->length) return;
  const bool same =
      stored.meta().is(cache::ResponseMeta::partial)
          ? static_cast<const cache::SparseBody&>(*stored.large_body()).validator() == known_->validator
          : stored_field(stored.head(), "etag") == known_->validator;
  if (same) known_->body = body_of(worker_.store().budget(), stored);
}

// The fill has brought what it could, and the answer needs more.
cache::Body::Read Exchange::next_run(uint64_t offset) {
  using ReadState = cache::Body::ReadState;
  leave_fill();
  adopt_stored();
  cache::Body::Read read;
  if (known_->body != nullptr) read = known_->body->read(offset);
  if (read.state == ReadState::bytes) return read;
  read.state = ReadState::failed;
  const ByteRun wanted{offset, std::min(parts_->last(), known_->length - 1)};
  if (known_->validator.empty() || ++run_joins_ > run_joins_max || !join_run(wanted)) {
    body_failed_ = true;
    return read;
  }
  step_ = Step::await_run;
  read.state = ReadState::wait;
  return read;
}

// A later run goes on with the answer only if it is of the representation that was begun.
void Exchange::on_run_head() {
  if (fill_->state() == cache::Fill::State::requested) return;
  const std::shared_ptr<const cache::FillHead> head = fill_->head();
  const bool fits = head != nullptr && is_known(*head) && (leader_ || head->storable) &&
                    wanted_ >= head->run->first &&
                    *wanted_ < head->run->first + head->content_length.value_or(0);
  if (fits) {
    fill_base_ = head->run->first;
  } else {
    body_failed_ = true;
  }
  step_ = Step::streaming;
  client_.body_ready();
}

}  // namespace perigee::proxy

// The answering half of an exchange: heads, bodies, and what is logged of them.

#include <fmt/format.h>

#include <utility>

#include "edge/proxy/describe_request.h"
#include "edge/proxy/error_answer.h"
#include "edge/proxy/exchange.h"
#include "edge/proxy/stored_answer.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

std::string Exchange::more_lines(const AnswerOrigin& origin, int64_t age, bool with_age,
                                 std::optional<cache::PurgeStamp> stamp) {
  answered_ = worker_.loop().now();
  std::string lines;
  if (with_age) append_age(age, lines);
  append_via(snapshot().node_name, lines);
  AnswerOrigin told = origin;
  if (context_.site->tells_key) told.key = key_;
  append_cache_status(snapshot().node_name, told, lines);
  if (context_.from_peer) {
    const WorkerPurges& purges = worker_.purges();
    keep_peer_waiting(false);
    append_peer_line(snapshot().peer_answer_line, worker_.peer_requests_waiting(), purges.position(),
                     stamp ? purges.place_of(*stamp) : std::nullopt, lines);
  }
  return lines;
}

// RFC 9111 5.1: an Age says that the origin did not make the answer for this request. 4: who shares it needs
// one.
bool Exchange::tells_age(const cache::FillHead& head) const {
  return head.age_told || (!leader_ && head.storable) || (known_ && known_->body != nullptr);
}

void Exchange::answer_from_fill() {
  const std::shared_ptr<const cache::FillHead> head = fill_->head();
  const WallTime now = worker_.loop().wall_now();
  interim_timer_.cancel();
  step_ = Step::streaming;
  status_ = head->status;
  etag_ = head->etag;
  origin_.collapsed = collapsed_;
  origin_.stored = fill_->kept() && head->store;
  origin_.fwd_status = head->status;
  worker_.metrics().add(head->storable ? Metric::requests_miss : Metric::requests_bypass);

  const std::string more =
      more_lines(origin_, head->meta.current_age(now), tells_age(*head), head->purge_stamp);
  if (answer_precondition(*head, more)) return;
  serve::ReplyHead reply;
  reply.status = head->status;
  reply.lines = leader_ && !head->leader_lines.empty() ? head->leader_lines : head->lines;
  reply.more_lines = more;
  const auto announced = head->content_length ? head->content_length : head->announced_length;
  reply.content_length = announced.value_or(serve::ReplyHead::unknown_length);
  parts_.emplace(std::vector<Part>{{"", 0, Part::to_the_end}});
  client_.reply(reply, *this);
}

// The client's own conditions stayed here when the whole representation was fetched (RFC 9110 13.2.1): a 304
// or 412 may be the answer, while the fill goes on for others.
bool Exchange::answer_precondition(const cache::FillHead& head, std::string_view more) {
  if (!head.storable || head.status / 100 != 2 || context_.policy.has_range) return false;
  StoredPlan plan =
      plan_stored(request_, head.status, head.lines, 0, worker_.loop().wall_now(), worker_.loop().random());
  plan.for_peer = context_.from_peer;
  if (plan.status != 304 && plan.status != 412) return false;
  status_ = plan.status;
  step_ = Step::answered;
  std::string lines;
  write_planned_head(plan, head.lines, 0, lines);
  lines += more;
  serve::reply_owned(client_, plan.status, planned_content_length(plan, 0), std::move(lines), {});
  return true;
}

void Exchange::answer_from_store(const cache::StoredResponse& stored, const AnswerOrigin& origin) {
  wait_timer_.cancel();
  if (lacks_bytes(stored)) return complete_stored(stored);
  const WallTime now = worker_.loop().wall_now();
  StoredPlan plan = plan_stored(request_, stored.meta().status, stored.head(), stored.body_length(), now,
                                worker_.loop().random());
  plan.for_peer = context_.from_peer;
  step_ = Step::answered;
  interim_timer_.cancel();
  AnswerOrigin told = origin;
  told.has_ttl = true;
  told.ttl = stored.meta().ttl(now);
  const std::string more = more_lines(told, stored.meta().current_age(now), true, stored.purge_stamp());
  origin_ = told;
  status_ = plan.status;
  serve::ReplyHead head;
  std::string lines;
  if (reply_stored(client_, worker_.reader(), stored, head_only(), plan, more, lines, head)) return;
  know(stored);
  parts_.emplace(parts_of(plan, stored.head(), stored.body_length()));
  client_.reply(head, *this);
}

// Looked up anew: since the request began it may have been purged, or invalidated (RFC 9111 4.4).
const cache::StoredResponse* Exchange::in_place_of(const Error& error) {
  if (context_.stored == nullptr) return nullptr;
  const cache::Lookup found = worker_.reader().lookup(context_.key, request_.fields);
  if (found.response == nullptr || found.purged > cache::PurgeVerdict::stale) return nullptr;
  const cache::ResponseMeta meta = found.response->meta();
  const bool softly_purged = found.purged == cache::PurgeVerdict::stale;
  if (softly_purged && meta.is(cache::ResponseMeta::must_revalidate)) return nullptr;
  const bool may = cache::may_serve_stale_on_error(context_.policy, meta, worker_.loop().wall_now(),
                                                   *context_.options, is_disconnection(error));
  return may && !lacks_bytes(*found.response) ? found.response : nullptr;
}

void Exchange::answer_failure(const Error& error, int status) {
  step_ = Step::answered;
  interim_timer_.cancel();
  worker_.metrics().add(Metric::requests_error);
  error_ = error.code;
  origin_.detail = error.code;
  const std::string more = more_lines(origin_, 0, false, std::nullopt);
  ErrorAnswer answer;
  answer.status = status_ = status != 0 ? status : status_of(error);
  answer.head_only = head_only();
  answer.node_name = snapshot().node_name;
  answer.error = error.code;
  answer.received_status = status;
  answer.more_lines = more;
  worker_.log().debug("exchange_failed",
                      {{"code", error.code}, {"context", std::string_view(error.context)}});
  answer_error(client_, answer);
}

serve::BodySource::State Exchange::pull(std::span<Slice> out, size_t& count) {
  return parts_->pull(*this, out, count);
}

void Exchange::consumed(size_t bytes) {
  sent_ += bytes;
  parts_->consumed(bytes);
}

// Where the next bytes are: in the store, in the fill, or upstream still.
cache::Body::Read Exchange::read_representation(uint64_t offset) {
  using ReadState = cache::Body::ReadState;
  cache::Body::Read read;
  read_offset_ = offset;
  if (known_ && known_->body != nullptr) {
    read = known_->body->read(offset);
    if (read.state == ReadState::bytes || read.state == ReadState::end) return read;
  }
  read.state = body_failed_ ? ReadState::failed : ReadState::wait;
  if (step_ != Step::streaming || body_failed_) return read;
  read.state = ReadState::absent;
  if (fill_ != nullptr && offset >= fill_base_) read = fill_->read(offset - fill_base_);
  switch (read.state) {
    case ReadState::bytes:
      run_joins_ = 0;
      return read;
    case ReadState::wait:
      return read;
    case ReadState::end:
    case ReadState::failed:
      if (in_runs_) return next_run(offset);
      break;
    case ReadState::absent:
      if (in_runs_) return next_run(offset);
      read.state = resume_alone() ? ReadState::wait : ReadState::failed;
      break;
  }
  body_failed_ = read.state == ReadState::failed;
  return read;
}

// A reader that fell out of its fill goes on by itself, if the same representation can be continued.
bool Exchange::resume_alone() {
  if (etag_.empty() || request_.method != http::Method::get || alone_) return false;
  leave_fill();
  alone_ = true;
  leader_ = true;
  step_ = Step::await_resume;
  fill_base_ = read_offset_;
  fill_ = worker_.fills().start_private(context_.key, worker_.worker_fills(), *this, false);
  FetchJob job = make_job(true);
  job.resume = ResumePoint{read_offset_, etag_};
  Fetch::start(worker_, fill_, std::move(job));
  return true;
}

void Exchange::on_resume_head() {
  switch (fill_->state()) {
    case cache::Fill::State::requested:
      return;
    case cache::Fill::State::failed:
      body_failed_ = true;
      break;
    default:
      break;
  }
  step_ = Step::streaming;
  client_.body_ready();
}

void Exchange::record_exchange(serve::ExchangeEnd end) {
  // What peers ask for was counted where the client was.
  if (!context_.from_peer) count_traffic();
  log_exchange(end);
}

void Exchange::count_traffic() {
  traffic_.count(answer_kind(cache_word(origin_, !error_.empty())), status_, sent_);
  if (origin_.has_reason) traffic_.went_forward(origin_.reason);
  traffic_.answer_time().record(answered_.value_or(worker_.loop().now()) - started_);
}

void Exchange::log_exchange(serve::ExchangeEnd end) {
  if (!worker_.exchange_log().wants(worker_.loop().random(), context_.site->access_sample)) return;
  ExchangeRecord record;
  record.received = received_;
  record.duration = worker_.loop().now() - started_;
  record.client = client_address_;
  record.method = request_.method_text;
  const cache::KeyParts parts = cache::key_parts(key_);
  record.host = parts.authority;
  record.path = parts.path;
  record.site = context_.site->name;
  record.scheme = scheme_;
  describe_request(request_.fields, record);
  record.detail = error_;
  record.status = status_;
  record.body_bytes = sent_;
  record.cache = cache_word(origin_, !error_.empty());
  record.reason = origin_.has_reason ? to_string(origin_.reason) : std::string_view();
  if (origin_.has_reason) record.upstream = upstream_;
  record.complete = end == serve::ExchangeEnd::complete;
  worker_.exchange_log().record(record);
}

}  // namespace perigee::proxy

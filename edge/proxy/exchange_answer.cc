// The answering half of an exchange: heads, bodies, and what is logged of them.

#include <fmt/format.h>

#include <utility>

#include "edge/proxy/error_answer.h"
#include "edge/proxy/exchange.h"
#include "edge/proxy/stored_answer.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

namespace {

// As much as one pull may take from a fill beyond what is already waiting for the kernel.
constexpr uint64_t pieces_bytes_max = 256 * 1024;

}  // namespace

std::string Exchange::more_lines(const AnswerOrigin& origin, int64_t age, bool with_age,
                                 std::optional<cache::PurgeStamp> stamp) {
  std::string lines;
  if (with_age) append_age(age, lines);
  append_via(snapshot().node_name, lines);
  append_cache_status(snapshot().node_name, origin, lines);
  if (context_.from_peer) {
    const WorkerPurges& purges = worker_.purges();
    append_peer_line(snapshot().peer_answer_line, purges.position(),
                     stamp ? purges.place_of(*stamp) : std::nullopt, lines);
  }
  return lines;
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
      more_lines(origin_, head->meta.current_age(now), head->age_known, head->purge_stamp);
  if (answer_precondition(*head, more)) return;
  serve::ReplyHead reply;
  reply.status = head->status;
  reply.lines = leader_ && !head->leader_lines.empty() ? head->leader_lines : head->lines;
  reply.more_lines = more;
  const auto announced = head->content_length ? head->content_length : head->announced_length;
  reply.content_length = announced.value_or(serve::ReplyHead::unknown_length);
  client_.reply(reply, *this);
}

// The client's own conditions stayed here when the whole representation was fetched (RFC 9110 13.2.1): a 304
// or 412 may be the answer, while the fill goes on for others.
bool Exchange::answer_precondition(const cache::FillHead& head, std::string_view more) {
  if (!head.storable || head.status != 200 || context_.policy.has_range) return false;
  const StoredPlan plan = plan_stored(request_, head.status, head.lines, 0, worker_.loop().wall_now());
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
  step_ = Step::answered;
  interim_timer_.cancel();
  wait_timer_.cancel();
  const WallTime now = worker_.loop().wall_now();
  AnswerOrigin told = origin;
  told.has_ttl = true;
  told.ttl = stored.meta().ttl(now);
  const std::string more = more_lines(told, stored.meta().current_age(now), true, stored.purge_stamp());
  origin_ = told;
  const StoredPlan plan =
      plan_stored(request_, stored.meta().status, stored.head(), stored.body_length(), now);
  status_ = plan.status;
  serve::ReplyHead head;
  std::string lines;
  if (reply_stored(client_, worker_.reader(), stored, head_only(), plan, more, lines, head)) return;
  cursor_.emplace(stored.large_body(), plan.first, plan.length);
  client_.reply(head, *this);
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
  answer.more_lines = more;
  worker_.log().debug("exchange_failed",
                      {{"code", error.code}, {"context", std::string_view(error.context)}});
  answer_error(client_, answer);
}

serve::BodySource::State Exchange::pull(std::span<Slice> out, size_t& count) {
  if (cursor_) return cursor_->pull(out, count);
  count = 0;
  uint64_t waiting = 0;
  for (const Piece& piece : pieces_) {
    if (count == out.size()) return State::ready;
    out[count++] = piece.bytes;
    waiting += piece.bytes.size();
  }
  if (body_failed_) return count > 0 ? State::ready : State::failed;
  while (count < out.size() && waiting < pieces_bytes_max && step_ == Step::streaming) {
    cache::Body::Read read = fill_->read(read_offset_ - fill_base_);
    switch (read.state) {
      case cache::Body::ReadState::bytes:
        read_offset_ += read.bytes.size();
        waiting += read.bytes.size();
        out[count++] = read.bytes;
        pieces_.push_back({read.bytes, std::move(read.block)});
        continue;
      case cache::Body::ReadState::wait:
        return count > 0 ? State::ready : State::wait;
      case cache::Body::ReadState::end:
        return count > 0 ? State::ready : State::end;
      case cache::Body::ReadState::absent:
        if (!resume_alone()) body_failed_ = true;
        break;
      case cache::Body::ReadState::failed:
        body_failed_ = true;
        break;
    }
    break;
  }
  if (count > 0) return State::ready;
  return body_failed_ ? State::failed : State::wait;
}

void Exchange::consumed(size_t bytes) {
  sent_ += bytes;
  if (cursor_) return cursor_->consumed(bytes);
  while (bytes > 0) {
    Piece& first = pieces_.front();
    if (bytes < first.bytes.size()) {
      first.bytes.remove_prefix(bytes);
      return;
    }
    bytes -= first.bytes.size();
    pieces_.pop_front();
  }
}

void Exchange::log_exchange(serve::ExchangeEnd end) {
  if (!worker_.exchange_log().wants(worker_.loop().random())) return;
  ExchangeRecord record;
  record.received = received_;
  record.duration = worker_.loop().now() - started_;
  record.client = client_address_;
  record.method = request_.method_text;
  const cache::KeyParts parts = cache::key_parts(key_);
  record.host = parts.authority;
  record.path = parts.path;
  record.site = context_.site->name;
  record.status = status_;
  record.body_bytes = sent_;
  record.cache = cache_word(origin_, !error_.empty());
  record.reason = origin_.has_reason ? to_string(origin_.reason) : std::string_view();
  if (origin_.has_reason) record.upstream = upstream_;
  record.complete = end == serve::ExchangeEnd::complete;
  worker_.exchange_log().record(record);
}

}  // namespace perigee::proxy

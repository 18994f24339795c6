#include "edge/proxy/background_validation.h"

#include <fmt/format.h>

#include <utility>

#include "edge/proxy/fetch.h"
#include "edge/proxy/route_plan.h"

namespace perigee::proxy {

void BackgroundValidation::start(Worker& worker, serve::ServerExchange& exchange,
                                 const RequestContext& context) {
  // What a HEAD or a request that forbids storing brings back would freshen nothing.
  if (exchange.request().method != http::Method::get || context.policy.no_store) return;
  const ClientProof proof =
      context.from_peer ? ClientProof{} : proof_of(exchange.tls(), context.shows_certificate);
  // What may be a replay does not cause one (RFC 8470 4); who comes next validates.
  if (proof.early || exchange.request().fields.has(http::FieldId::early_data)) return;
  auto* self = new BackgroundValidation(worker);
  const MonoTime now = worker.loop().now();
  // Of what is stored in part another part will do: if it has changed, nobody may want all of it.
  const bool partial = context.stored->meta().is(cache::ResponseMeta::partial);
  const std::string fill_key = partial ? range_fill_key(context.key.bytes) : std::string(context.key.bytes);
  cache::FillTable::Joined joined =
      worker.fills().join({fill_key, cache::key_hash(fill_key)}, worker.worker_fills(), *self, now);
  if (joined.fill == nullptr || !joined.leader) {
    if (joined.fill != nullptr) joined.fill->leave(*self);
    delete self;
    return;
  }
  worker.metrics().add(Metric::fills_started);
  joined.fill->set_store_key(context.key);
  self->fill_ = joined.fill;
  FetchJob job =
      make_fetch_job(worker, worker.snapshot_ref(), context, exchange.request(),
                     {exchange.client_address().ip(), exchange.scheme(), proof, false, cluster::Heat::cool});
  job.whole_representation = true;
  job.validate = context.stored;
  if (partial) job.range = RangeAsk{fmt::format("bytes=0-{}", cache::block_bytes - 1), "", 0, false};
  Fetch::start(worker, joined.fill, std::move(job));
}

void BackgroundValidation::on_fill_progress() {
  switch (fill_->state()) {
    case cache::Fill::State::requested:
      return;
    case cache::Fill::State::streaming:
      // Stay as a reader until it is stored; what will not be stored is nobody's.
      if (fill_->kept() && fill_->head()->store) return;
      break;
    default:
      break;
  }
  end_now();
}

void BackgroundValidation::end_now() {
  if (fill_ != nullptr) fill_->leave(*this);
  delete this;
}

}  // namespace perigee::proxy
